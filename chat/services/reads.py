"""Read positions: the reader's own row and stream, never the room's."""

from __future__ import annotations

from uuid import UUID

from core.log.events import Payload


def mark_read(*, user_id: UUID, room_id: UUID, seq: int) -> Payload:
    """Move the read position forward to ``seq``; the conversation ``{id, read_seq, unread_count, …}``."""
    raise NotImplementedError


async def amark_read(*, user_id: UUID, room_id: UUID, seq: int) -> Payload:
    """As ``mark_read``, for coroutines."""
    raise NotImplementedError
