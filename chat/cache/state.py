"""A room's state in brief, its floor, and the scripts that let only newer states in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import orjson

from core.cache_keys import CACHE_GENERATION, CHAT_FLOOR
from core.clock import format_optional
from core.log.epoch import current_epoch

# What a floor is made of: "<offset> <seq> <epoch> <lastMessageAt or ->".
_NEVER = b"-"

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
# KEYS value, floor, generation · ARGV a generation's name where it is missing
# -> {value or nil, ms left, floor or nil, ticket of a fill}
QUESTION = (
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
ADMIT = (
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
RAISE = (
    ADMIT
    + """
redis.call('SET', KEYS[2], ARGV[6], 'PX', ARGV[7])
for i = 4, #KEYS do redis.call('DEL', KEYS[i]) end
return 'ok'
"""
)
KEEP = ADMIT + "return 'ok'"
OK = b"ok"


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
class LoadedMeta(Meta):
    """A meta that comes from the database, with what its floor needs."""

    floor: bytes = b""

    @classmethod
    def read(cls, offset: int, seq: int, last_message_at: datetime | None) -> LoadedMeta:
        """From the columns of a room."""
        floor = Floor(offset, seq, current_epoch(), format_optional(last_message_at))
        meta = floor.meta()
        return cls(meta.offset, meta.epoch, meta.last_message_at, meta.body, meta.etag, floor.text())


def keys_of(key: str, room_id: UUID) -> list[str]:
    """The keys that every one of these scripts takes first."""
    return [key, CHAT_FLOOR.of(room_id=room_id), CACHE_GENERATION.of()]
