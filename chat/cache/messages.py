"""``chat:messages``: the newest messages of a room, encoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chat.cache.state import KEEP, OK, QUESTION, Floor, keys_of
from core import cache
from core.cache import Command, Lookup
from core.cache_keys import CHAT_MESSAGES, CHAT_META
from core.log.epoch import current_epoch

# Lists of messages that are cached: the specification's ten, and a screenful.
MESSAGE_LIMITS = (10, 50)


@dataclass(frozen=True, slots=True)
class Page:
    """An encoded list of messages, and the room's offset that it is at least as new as."""

    offset: int
    body: bytes


def get_messages(room_id: UUID, limit: int, load: Callable[[], Page]) -> Page:
    """The encoded newest messages of a room. ``load`` must read the room's offset before the
    messages. No query when warm; a limit that is not in ``MESSAGE_LIMITS`` is always loaded."""
    if limit not in MESSAGE_LIMITS:
        return load()
    page = cache.look_up(_MessagesLookup(room_id, limit), load)
    assert page is not None
    return page


class _MessagesLookup(Lookup[Page]):
    """``chat:messages``: "<offset> <epoch> <body>", worthless below the floor."""

    def __init__(self, room_id: UUID, limit: int) -> None:
        super().__init__(CHAT_MESSAGES.of(room_id=room_id, limit=limit), CHAT_MESSAGES)
        self._room_id = room_id
        self._ticket = b""

    def question(self) -> Command:
        return Command(QUESTION, keys_of(self.key, self._room_id), [cache.token()])

    def found(self, reply: Any) -> Page | None:
        text, _, floor_text, self._ticket = reply
        if text is None:
            return None
        offset, epoch, body = text.split(b" ", 2)
        page = Page(int(offset), body)
        if epoch.decode() != current_epoch():
            return None
        floor = Floor.parse(floor_text) if floor_text else None
        overtaken = floor is not None and floor.epoch == current_epoch() and floor.offset > page.offset
        return None if overtaken else self.loaded(page)

    def storing(self, value: Page) -> Command | None:
        epoch = current_epoch()
        text = b"%d %s %s" % (value.offset, epoch.encode(), value.body)
        args = [text, value.offset, epoch, CHAT_MESSAGES.ttl_ms, self._ticket]
        return Command(KEEP, keys_of(self.key, self._room_id), args)

    def stored(self, value: Page, reply: Any) -> Page | None:
        return self.loaded(value) if reply in (OK, b"") else None

    def loaded(self, value: Page) -> Page | None:
        return value if value.offset >= cache.known_order(CHAT_META.of(room_id=self._room_id)) else None


def message_keys(room_id: UUID) -> list[str]:
    """The keys of all cached lists of a room."""
    return [CHAT_MESSAGES.of(room_id=room_id, limit=limit) for limit in MESSAGE_LIMITS]
