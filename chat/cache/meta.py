"""``chat:meta``: what a poll of a room asks for, written through by every commit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from chat.cache.messages import message_keys
from chat.cache.state import OK, QUESTION, RAISE, Floor, LoadedMeta, Meta, RoomState, keys_of
from chat.models import ChatRoom
from core import cache
from core.cache import Command, Lookup
from core.cache_keys import CHAT_FLOOR, CHAT_META
from core.log.epoch import current_epoch, is_known


def get_meta(room_id: UUID) -> Meta | None:
    """The room's meta, None for a room that does not exist. For threads; no query when warm."""
    return cache.look_up(_MetaLookup(room_id), lambda: load_meta(room_id))


async def aget_meta(room_id: UUID) -> Meta | None:
    """``get_meta`` for coroutines; does not wait when the process has a copy."""
    meta = local_meta(room_id)
    if meta is not None:
        return meta
    if not is_known():
        await cache.run_in_thread(current_epoch)
    return await cache.alook_up(_MetaLookup(room_id), lambda: cache.run_in_thread(load_meta, room_id))


def newest_meta(room_id: UUID) -> Meta | None:
    """``get_meta`` as Redis has it: right even where this process has not heard yet of a commit whose
    frame its client has seen."""
    return cache.look_up(_MetaLookup(room_id), lambda: load_meta(room_id), fresh=True)


def local_meta(room_id: UUID) -> Meta | None:
    """What this process knows of the room without asking anybody."""
    meta: Meta | None = cache.local_get(_key(room_id), CHAT_META)
    return meta


def load_meta(room_id: UUID) -> LoadedMeta | None:
    """The room's meta as the database has it now. One query."""
    row = ChatRoom.objects.filter(pk=room_id).values_list("offset", "seq", "last_message_at").first()
    return None if row is None else LoadedMeta.read(row[0], row[1], row[2])


class _MetaLookup(Lookup[Meta]):
    """``chat:meta`` beside its floor."""

    def __init__(self, room_id: UUID) -> None:
        super().__init__(_key(room_id), CHAT_META)
        self._room_id = room_id
        self._ticket = b""

    def question(self) -> Command:
        return Command(QUESTION, keys_of(self.key, self._room_id), [cache.token()])

    def found(self, reply: Any) -> Meta | None:
        text, left_ms, _, self._ticket = reply
        if text is None:
            return None
        fields = orjson.loads(text)
        if fields["epoch"] != current_epoch():
            return None
        meta = Meta.of(fields["offset"], fields["epoch"], fields["lastMessageAt"])
        self.keep(meta, left_ms / 1000, meta.offset)
        return self._never_back(meta)

    def storing(self, value: Meta) -> Command | None:
        if not isinstance(value, LoadedMeta):
            return None
        return _raising(self._room_id, value, [], self._ticket)

    def stored(self, value: Meta, reply: Any) -> Meta | None:
        if reply == OK:
            return self.loaded(value)
        return self._never_back(Floor.parse(reply).meta() if reply else value)

    def loaded(self, value: Meta) -> Meta | None:
        kept = self.keep(value, CHAT_META.ttl_ms / 1000, value.offset)
        return self._never_back(value) if kept else None

    def _never_back(self, meta: Meta) -> Meta | None:
        # What this process has told once it never takes back, whatever Redis has forgotten.
        return meta if cache.note_order(self.key, meta.offset) else None


@lru_cache(maxsize=20_000)
def _key(room_id: UUID) -> str:
    return CHAT_META.of(room_id=room_id)


def _raising(room_id: UUID, meta: LoadedMeta, dropped: Sequence[str], ticket: bytes) -> Command:
    keys = [*keys_of(CHAT_META.of(room_id=room_id), room_id), *dropped]
    args = [meta.body, meta.offset, meta.epoch, CHAT_META.ttl_ms, ticket, meta.floor, CHAT_FLOOR.ttl_ms]
    return Command(RAISE, keys, args)


def raise_meta(pipe: Any, room: RoomState) -> None:
    """Tell everyone the room's new state: to be called from a hook of the commit that made it, with
    the hook's pipeline. Raises meta and floor, drops the cached messages, in every process."""
    meta = LoadedMeta.read(room.offset, room.seq, room.last_message_at)
    key = CHAT_META.of(room_id=room.id)
    cache.replace_local(key, meta, CHAT_META.local_ms / 1000, order=meta.offset)
    raising = _raising(room.id, meta, message_keys(room.id), ticket=b"")
    pipe.eval(raising.script, len(raising.keys), *raising.keys, *raising.args)
    cache.announce(pipe, [key])
