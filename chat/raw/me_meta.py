"""``GET me/meta``: one poll for all of a user's rooms, exact and without a query when warm.

A *snapshot* per user (rooms with offset, seq and read position, and the offset of the user's own
stream) is kept for 40 s and dropped when any of the user's own things change. What the rooms did
since is in their floors, which live longer than any snapshot: every commit that the snapshot does
not know has raised one.

The *cursor* names what the client has been told: a digest of the vector {room: offset}. The vector
itself is in Redis; where it was lost the answer tells of all rooms, which is never wrong.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import orjson

from chat.cache import Floor
from chat.models import Membership
from chat.models.rooms import user_stream
from chat.raw.access import authenticate
from core import cache
from core import redis as redis_
from core.cache_keys import CACHE_GENERATION, CHAT_FLOOR, CHAT_ME, CHAT_ME_CURSOR
from core.log.epoch import current_epoch
from core.log.readers import head
from core.raw import Receive, Scope, Send, send_tagged

PAGE = 200
MAX_CURSOR = 64
# A vector that the client has left behind is kept for other tabs that still stand there; hidden
# ones wake once a minute.
LEFT_BEHIND_MS = 90_000

TRIES = 3

Vector = Mapping[str, int]

# The generation of the cache that this process saw last.
_generation: bytes | None = None


@dataclass(slots=True)
class Room:
    """A room as its member's poll sees it."""

    id: str
    offset: int
    seq: int
    read_seq: int


@dataclass(slots=True)
class Snapshot:
    """All of a user's rooms, the lately active first, and the head of the user's own stream."""

    epoch: str
    offset: int
    rooms: list[Room]

    def lift(self, floors: list[bytes | None]) -> None:
        """Bring the rooms up to their floors (None: nothing has happened lately)."""
        for room, text in zip(self.rooms, floors, strict=True):
            if text is None:
                continue
            floor = Floor.parse(text)
            if floor.epoch == self.epoch and floor.offset > room.offset:
                room.offset, room.seq = floor.offset, floor.seq

    def vector(self) -> dict[str, int]:
        """The offsets of all rooms."""
        return {room.id: room.offset for room in self.rooms}

    def unread(self) -> int:
        """Messages past the read positions. (Sending moves one's own position, so none are one's own.)"""
        return sum(max(0, room.seq - room.read_seq) for room in self.rooms)


@dataclass(frozen=True, slots=True)
class Step:
    """What one answer tells: the rooms that changed, and the vector that the client knows after it."""

    changed: Vector
    told: Vector
    more: bool


async def me_meta(scope: Scope, receive: Receive, send: Send) -> None:
    """``{"epoch", "cursor", "offset", "unread", "changed", "more"}``; ``?since=`` takes a cursor."""
    principal = await authenticate(scope)
    since = parse_qs(scope["query_string"].decode("latin-1")).get("since", [""])[-1]
    body = await answer(principal.user_id, since if len(since) <= MAX_CURSOR else "")
    etag = base64.urlsafe_b64encode(hashlib.blake2b(body, digest_size=12).digest())
    await send_tagged(scope, send, body, b'"%s"' % etag)


async def answer(user_id: UUID, since: str) -> bytes:
    """The encoded answer to a poll with this cursor ("" for none)."""
    found = await _read(user_id, since)
    if found is None:
        # Redis is away: what the database says now, told whole, because no vector can be kept.
        snapshot = _parse(await cache.run_in_thread(_load_snapshot, user_id))
        return _encode(snapshot, *_step_without_memory(snapshot, since))
    snapshot, told = found
    if told is None and since == cursor_of(snapshot.epoch, snapshot.vector()):
        told = snapshot.vector()
    step = next_step(snapshot.vector(), told or {})
    if told is not None and not step.changed:
        return _encode(snapshot, since, step)
    cursor = cursor_of(snapshot.epoch, step.told)
    if not await _remember(user_id, snapshot.epoch, cursor, step.told, since):
        return _encode(snapshot, *_step_without_memory(snapshot, since))
    return _encode(snapshot, cursor, step)


def next_step(current: Vector, told: Vector) -> Step:
    """What to tell a client that knows ``told``: at most ``PAGE`` rooms of those that moved on."""
    changed = [room for room, offset in current.items() if told.get(room) != offset]
    page = {room: current[room] for room in changed[:PAGE]}
    known = {room: told[room] for room in current if room in told}
    return Step(page, known | page, more=len(changed) > PAGE)


def cursor_of(epoch: str, told: Vector) -> str:
    """The name of a vector: the same for the same rooms and offsets."""
    digest = hashlib.blake2b(epoch.encode(), digest_size=12)
    for room in sorted(told):
        digest.update(b"%s:%d\n" % (room.encode(), told[room]))
    return base64.urlsafe_b64encode(digest.digest()).decode()


def _step_without_memory(snapshot: Snapshot, since: str) -> tuple[str, Step]:
    vector = snapshot.vector()
    cursor = cursor_of(snapshot.epoch, vector)
    return cursor, Step({} if cursor == since else vector, vector, more=False)


def _encode(snapshot: Snapshot, cursor: str, step: Step) -> bytes:
    return orjson.dumps(
        {
            "epoch": snapshot.epoch,
            "cursor": cursor,
            "offset": snapshot.offset,
            "unread": snapshot.unread(),
            "changed": step.changed,
            "more": step.more,
        }
    )


async def _read(user_id: UUID, since: str) -> tuple[Snapshot, Vector | None] | None:
    """All rooms as they are now, and the vector that the cursor names. None without Redis."""
    global _generation
    for _ in range(TRIES):
        generation = _generation
        snapshot = await _read_snapshot(user_id)
        memory = await _recall(user_id, snapshot, since)
        if memory is None:
            return None
        # Redis may have forgotten the floors between the two steps; then it has another generation
        # than before the first, and the snapshot is to be read anew.
        _generation = memory.generation
        if generation == memory.generation:
            snapshot.lift(memory.floors)
            return snapshot, memory.told
    return None


async def _read_snapshot(user_id: UUID) -> Snapshot:
    key = CHAT_ME.of(user_id=user_id)
    text = await cache.aget_or_load(key, CHAT_ME, lambda: cache.run_in_thread(_load_snapshot, user_id))
    return _parse(text)


def _load_snapshot(user_id: UUID) -> bytes:
    # The own stream first: whatever moves it later also drops this snapshot.
    own = head(user_stream(user_id))
    query = Membership.objects.filter(user_id=user_id).values_list(
        "room_id", "room__offset", "room__seq", "read_seq", "room__last_message_at"
    )
    rows = sorted(query, key=lambda row: (row[4] is not None, row[4]), reverse=True)
    return orjson.dumps([current_epoch(), own, [row[:4] for row in rows]])


def _parse(text: bytes) -> Snapshot:
    epoch, own, rows = orjson.loads(text)
    return Snapshot(epoch, own, [Room(*row) for row in rows])


@dataclass(frozen=True, slots=True)
class Memory:
    """What Redis remembers beside the snapshot; ``told`` is None when the vector was lost."""

    generation: bytes | None
    floors: list[bytes | None]
    told: Vector | None


async def _recall(user_id: UUID, snapshot: Snapshot, since: str) -> Memory | None:
    """The floors of the rooms and the vector that the cursor names. None without Redis."""
    if not cache.usable():
        return None
    pipe: Any = redis_.async_client().pipeline(transaction=False)
    keys = [CHAT_FLOOR.of(room_id=room.id) for room in snapshot.rooms]
    # In one command, so that nothing can be forgotten between its parts.
    pipe.mget([CACHE_GENERATION.of(), *keys])
    if since:
        pipe.getex(_cursor_key(user_id, since), px=CHAT_ME_CURSOR.ttl_ms)
    try:
        with redis_.breaker.guard():
            replies = await pipe.execute()
    except redis_.UNAVAILABLE:
        return None
    generation, *floors = replies[0]
    text = replies[1] if since else None
    epoch, told = orjson.loads(text) if text is not None else (None, None)
    return Memory(generation, floors, told if epoch == snapshot.epoch else None)


async def _remember(user_id: UUID, epoch: str, cursor: str, told: Vector, since: str) -> bool:
    """Keep a vector under its cursor; False without Redis."""
    pipe: Any = redis_.async_client().pipeline(transaction=False)
    pipe.set(_cursor_key(user_id, cursor), orjson.dumps([epoch, told]), px=CHAT_ME_CURSOR.ttl_ms)
    if since and since != cursor:
        pipe.pexpire(_cursor_key(user_id, since), LEFT_BEHIND_MS)
    try:
        with redis_.breaker.guard():
            await pipe.execute()
    except redis_.UNAVAILABLE:
        return False
    return True


def _cursor_key(user_id: UUID, cursor: str) -> str:
    return CHAT_ME_CURSOR.of(user_id=user_id, cursor=cursor)
