"""Pages of a room's change log, encoded."""

from __future__ import annotations

from uuid import UUID

import orjson

from chat.cache.meta import newest_meta
from chat.models import room_stream
from core import cache
from core.cache_keys import CHAT_CHANGES
from core.errors import PositionLost
from core.log.readers import read_changes

# Changes before the head that are read together for everyone who stands among them.
RECENT_CHANGES = 32


def changes_page(room_id: UUID, *, after: int, limit: int) -> bytes:
    """An encoded page of a room's changes (``core.log.readers``), cached under the head that is
    current now: whatever moves what is on the page moves the head too. Raises PositionLost."""
    # Asked of Redis: who saw a frame of another process may ask before this one has heard of it.
    meta = newest_meta(room_id)
    if meta is None or after > meta.offset:
        return orjson.dumps(read_changes(room_stream(room_id), after=after, limit=limit).as_dict())
    key = CHAT_CHANGES.of(room_id=room_id, after=after, head=meta.offset, limit=limit)
    return cache.get_or_load(key, CHAT_CHANGES, lambda: _read_page(room_id, meta.offset, after, limit))


def _read_page(room_id: UUID, head: int, after: int, limit: int) -> bytes:
    stream, start = room_stream(room_id), head - RECENT_CHANGES
    if after < start:
        return orjson.dumps(read_changes(stream, after=after, limit=limit).as_dict())
    try:
        recent = orjson.loads(_recent_changes(room_id, head, max(0, start)))
    except PositionLost:
        # Compaction has come nearer than that; where the reader stands may still be there.
        return orjson.dumps(read_changes(stream, after=after, limit=limit).as_dict())
    later = [change for change in recent["changes"] if change["offset"] > after]
    has_more = recent["has_more"] or len(later) > limit
    return orjson.dumps(recent | {"changes": later[:limit], "has_more": has_more})


def _recent_changes(room_id: UUID, head: int, start: int) -> bytes:
    # Readers who poll stand at many offsets shortly before the head: one reading serves them all.
    key = CHAT_CHANGES.of(room_id=room_id, after=start, head=head, limit="recent")
    stream = room_stream(room_id)
    return cache.get_or_load(
        key,
        CHAT_CHANGES,
        lambda: orjson.dumps(read_changes(stream, after=start, limit=RECENT_CHANGES).as_dict()),
    )
