"""The caches of chat: what a poll asks for, answered without the database.

``chat:meta`` is written through by every commit of a room, by a script that only ever raises the
offset; what readers fill in goes through the same script. Beside it stands the room's *floor*: the
newest state that anybody has seen committed, kept for a minute. A fill below the floor is refused,
so a reader that read before a commit and stalled cannot bring the old state back.

Guarantee: the new offset is there at once in the process that committed and for every reader of
Redis, elsewhere after the invalidation, and never later than a second even when that is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson

from chat.models import ChatRoom, Membership
from core import cache
from core.cache import Command, Lookup
from core.cache_keys import (
    CACHE_GENERATION,
    CHAT_CHANGES,
    CHAT_FLOOR,
    CHAT_ME,
    CHAT_MEMBER,
    CHAT_MESSAGES,
    CHAT_META,
)
from core.clock import format_optional
from core.log.announce import Committed
from core.log.epoch import current_epoch, is_known

# Lists of messages that are cached: the specification's ten, and a screenful.
MESSAGE_LIMITS = (10, 50)

# What a floor is made of: "<offset> <seq> <epoch> <lastMessageAt or ->".
_NEVER = b"-"

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
# KEYS value, floor, generation · ARGV a generation's name where it is missing
# -> {value or nil, ms left, floor or nil, ticket of a fill}
_QUESTION = (
    _NOW
    + """
local generation = redis.call('GET', KEYS[3])
if not generation then
  generation = ARGV[1]
  redis.call('SET', KEYS[3], generation)
end
local ticket = now .. ' ' .. generation
return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[2]), ticket}
"""
)

# Whether the floor lets this state in. A fill has a ticket that says when it began, and in which
# generation of the cache: a Redis that forgot everything since, floors too, has another one. Its
# lifetime counts from when it began. Another epoch than the floor's refuses a fill, while a commit
# begins anew. What is below the floor gets the floor for an answer.
# KEYS value, floor, generation · ARGV value, offset, epoch, lifetime ms, ticket ("": a commit)
_ADMIT = (
    _NOW
    + """
local floor = redis.call('GET', KEYS[2])
local life = tonumber(ARGV[4])
if floor then
  local offset, epoch = string.match(floor, '^(%d+) %d+ (%S+) ')
  if epoch == ARGV[3] then
    if tonumber(offset) > tonumber(ARGV[2]) then return floor end
  elseif ARGV[5] ~= '' then
    return ''
  end
end
if ARGV[5] ~= '' then
  local began, generation = string.match(ARGV[5], '^(%d+) (.*)$')
  life = life - (now - tonumber(began))
  if life <= 0 or generation ~= redis.call('GET', KEYS[3]) then return '' end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', life)
"""
)
# KEYS meta, floor, generation, lists to drop … · ARGV as above, then floor, floor's lifetime ms
_RAISE = (
    _ADMIT
    + """
redis.call('SET', KEYS[2], ARGV[6], 'PX', ARGV[7])
for i = 4, #KEYS do redis.call('DEL', KEYS[i]) end
return 'ok'
"""
)
_KEEP_MESSAGES = _ADMIT + "return 'ok'"
_OK = b"ok"


class RoomState(Protocol):
    """What of a room stands in its meta; a ``ChatRoom`` has it."""

    id: UUID
    offset: int
    seq: int
    last_message_at: datetime | None


@dataclass(frozen=True, slots=True)
class Meta:
    """A room's state in brief. ``body`` is the answer to a poll, ``etag`` its strong tag."""

    offset: int
    epoch: str
    last_message_at: str | None
    body: bytes
    etag: bytes

    @classmethod
    def of(cls, offset: int, epoch: str, last_message_at: str | None) -> Meta:
        """The meta of this state; at most 110 bytes long."""
        body = orjson.dumps({"lastMessageAt": last_message_at, "offset": offset, "epoch": epoch})
        return cls(offset, epoch, last_message_at, body, f'"{epoch}.{offset}"'.encode())


@dataclass(frozen=True, slots=True)
class Floor:
    """The newest committed state of a room that anybody has seen lately."""

    offset: int
    seq: int
    epoch: str
    last_message_at: str | None

    @classmethod
    def parse(cls, text: bytes) -> Floor:
        """From the text in Redis."""
        offset, seq, epoch, last = text.split(b" ")
        return cls(int(offset), int(seq), epoch.decode(), None if last == _NEVER else last.decode())

    def text(self) -> bytes:
        """For Redis."""
        last = _NEVER if self.last_message_at is None else self.last_message_at.encode()
        return b"%d %d %s %s" % (self.offset, self.seq, self.epoch.encode(), last)

    def meta(self) -> Meta:
        """The meta that this floor stands for."""
        return Meta.of(self.offset, self.epoch, self.last_message_at)


@dataclass(frozen=True, slots=True)
class Page:
    """An encoded list of messages, and the room's offset that it is at least as new as."""

    offset: int
    body: bytes


# --- meta ---------------------------------------------------------------------------------


def get_meta(room_id: UUID) -> Meta | None:
    """The room's meta, None for a room that does not exist. For threads; no query when warm."""
    return cache.look_up(_MetaLookup(room_id), lambda: load_meta(room_id))


async def aget_meta(room_id: UUID) -> Meta | None:
    """``get_meta`` for coroutines; does not wait when the process has a copy."""
    if not is_known():
        await cache.run_in_thread(current_epoch)
    return await cache.alook_up(_MetaLookup(room_id), lambda: cache.run_in_thread(load_meta, room_id))


def local_meta(room_id: UUID) -> Meta | None:
    """What this process knows of the room without asking anybody."""
    meta: Meta | None = cache.local_get(CHAT_META.of(room_id=room_id))
    return meta


def load_meta(room_id: UUID) -> LoadedMeta | None:
    """The room's meta as the database has it now. One query."""
    row = ChatRoom.objects.filter(pk=room_id).values_list("offset", "seq", "last_message_at").first()
    return None if row is None else LoadedMeta.read(row[0], row[1], row[2])


@dataclass(frozen=True, slots=True)
class LoadedMeta(Meta):
    """A meta that comes from the database, with what its floor needs."""

    floor: bytes = b""

    @classmethod
    def read(cls, offset: int, seq: int, last_message_at: datetime | None) -> LoadedMeta:
        """From the columns of a room."""
        floor = Floor(offset, seq, current_epoch(), format_optional(last_message_at))
        meta = floor.meta()
        return cls(meta.offset, meta.epoch, meta.last_message_at, meta.body, meta.etag, floor.text())


class _MetaLookup(Lookup[Meta]):
    """``chat:meta`` beside its floor."""

    def __init__(self, room_id: UUID) -> None:
        super().__init__(CHAT_META.of(room_id=room_id), CHAT_META)
        self._room_id = room_id
        self._ticket = b""

    def question(self) -> Command:
        return Command(_QUESTION, _keys(self.key, self._room_id), [cache.token()])

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
        if reply == _OK:
            return self.loaded(value)
        return self._never_back(Floor.parse(reply).meta() if reply else value)

    def loaded(self, value: Meta) -> Meta | None:
        kept = self.keep(value, CHAT_META.ttl_ms / 1000, value.offset)
        return self._never_back(value) if kept else None

    def _never_back(self, meta: Meta) -> Meta | None:
        # What this process has told once it never takes back, whatever Redis has forgotten.
        return meta if cache.note_order(self.key, meta.offset) else None


def _keys(key: str, room_id: UUID) -> list[str]:
    return [key, CHAT_FLOOR.of(room_id=room_id), CACHE_GENERATION.of()]


def _raising(room_id: UUID, meta: LoadedMeta, dropped: Sequence[str], ticket: bytes) -> Command:
    keys = [*_keys(CHAT_META.of(room_id=room_id), room_id), *dropped]
    args = [meta.body, meta.offset, meta.epoch, CHAT_META.ttl_ms, ticket, meta.floor, CHAT_FLOOR.ttl_ms]
    return Command(_RAISE, keys, args)


def raise_meta(pipe: Any, room: RoomState) -> None:
    """Tell everyone the room's new state: to be called from a hook of the commit that made it, with
    the hook's pipeline. Raises meta and floor, drops the cached messages, in every process."""
    meta = LoadedMeta.read(room.offset, room.seq, room.last_message_at)
    key = CHAT_META.of(room_id=room.id)
    cache.replace_local(key, meta, CHAT_META.local_ms / 1000, order=meta.offset)
    raising = _raising(room.id, meta, _message_keys(room.id), ticket=b"")
    pipe.eval(raising.script, len(raising.keys), *raising.keys, *raising.args)
    cache.announce(pipe, [key])


def forget_room(pipe: Any, room_id: UUID, member_ids: Iterable[UUID]) -> None:
    """The room is gone: drop what is cached of it and of its members."""
    cache.invalidate(CHAT_META.of(room_id=room_id), *_message_keys(room_id), pipe=pipe)
    forget_members(pipe, room_id, member_ids)


# --- messages and changes -----------------------------------------------------------------


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
        return Command(_QUESTION, _keys(self.key, self._room_id), [cache.token()])

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
        return Command(_KEEP_MESSAGES, _keys(self.key, self._room_id), args)

    def stored(self, value: Page, reply: Any) -> Page | None:
        return self.loaded(value) if reply in (_OK, b"") else None

    def loaded(self, value: Page) -> Page | None:
        return value if value.offset >= cache.known_order(CHAT_META.of(room_id=self._room_id)) else None


def _message_keys(room_id: UUID) -> list[str]:
    return [CHAT_MESSAGES.of(room_id=room_id, limit=limit) for limit in MESSAGE_LIMITS]


def changes_page(room_id: UUID, *, after: int, limit: int, load: Callable[[], bytes]) -> bytes:
    """An encoded page of a room's changes, cached under the head that is current now: whatever moves
    what is on the page moves the head too. What ``load`` raises goes to the caller."""
    meta = get_meta(room_id)
    if meta is None:
        return load()
    key = CHAT_CHANGES.of(room_id=room_id, after=after, head=meta.offset, limit=limit)
    return cache.get_or_load(key, CHAT_CHANGES, load)


# --- who is in a room ---------------------------------------------------------------------

_NOBODY = b""


def member_role(room_id: UUID, user_id: UUID) -> str | None:
    """The user's role in the room, None for who is not in it. For threads; no query when warm."""
    return _role(cache.get_or_load(_member_key(room_id, user_id), CHAT_MEMBER, lambda: _load_role(room_id, user_id)))


async def amember_role(room_id: UUID, user_id: UUID) -> str | None:
    """``member_role`` for coroutines; does not wait when the process has a copy."""
    key = _member_key(room_id, user_id)
    value = await cache.aget_or_load(key, CHAT_MEMBER, lambda: cache.run_in_thread(_load_role, room_id, user_id))
    return _role(value)


def forget_members(pipe: Any, room_id: UUID, user_ids: Iterable[UUID]) -> None:
    """These people joined, left or got another role: to be called from the commit's hook."""
    keys = [(_member_key(room_id, user_id), CHAT_ME.of(user_id=user_id)) for user_id in user_ids]
    cache.invalidate(*(key for pair in keys for key in pair), pipe=pipe)


def touch_user(pipe: Any, user_id: UUID | str) -> None:
    """What ``me/meta`` says of this user has changed (memberships, reads, the own stream)."""
    cache.invalidate(CHAT_ME.of(user_id=user_id), pipe=pipe)


def touch_owners(commits: Sequence[Committed], pipe: Any) -> None:
    """The log's announcer: a change in somebody's own stream touches that person."""
    owners = {commit.stream.removeprefix("user:") for commit in commits if commit.stream.startswith("user:")}
    for owner in sorted(owners):
        touch_user(pipe, owner)


def _member_key(room_id: UUID, user_id: UUID) -> str:
    return CHAT_MEMBER.of(room_id=room_id, user_id=user_id)


def _load_role(room_id: UUID, user_id: UUID) -> bytes:
    query = Membership.objects.filter(room_id=room_id, user_id=user_id)
    role = query.values_list("role", flat=True).first()
    return _NOBODY if role is None else role.encode()


def _role(value: bytes) -> str | None:
    return None if value == _NOBODY else value.decode()
