"""Read positions: the reader's own row and stream, never the room's.

Two hundred readers of one message would otherwise make two hundred changes of the room.
"""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from chat import permissions
from chat.events import ConversationChanged
from chat.models import ChatRoom, Membership, membership_id, user_stream
from chat.payloads import conversation_payload, unread_count
from core.errors import Invalid
from core.log import executor
from core.log.bykey import ByKey
from core.log.writer import Act, Lookup, Writer


class ReadResult(TypedDict):
    """Where the reader stands now, and how many messages were newly read."""

    room_id: str
    read_seq: int
    unread_count: int
    updated: int


def mark_read(*, user_id: UUID, room_id: UUID, seq: int | None = None) -> ReadResult:
    """Move the read position up to ``seq`` (None, or past it: the newest message; never back).

    The reader's other devices are told. Raises NotFound, Forbidden, Invalid.
    """
    return executor.execute(_reading(user_id, room_id, seq))


async def amark_read(*, user_id: UUID, room_id: UUID, seq: int | None = None) -> ReadResult:
    """As ``mark_read``, for coroutines."""
    return await executor.aexecute(_reading(user_id, room_id, seq))


_ROOMS = Lookup(ByKey(ChatRoom, lambda: ChatRoom.objects.only("id", "kind", "seq")))


def _reading(user_id: UUID, room_id: UUID, seq: int | None) -> Act[ReadResult]:
    if seq is not None and seq < 0:
        raise Invalid("A read position is not negative.", attr="seq")
    key = membership_id(room_id, user_id)

    def run(w: Writer) -> ReadResult:
        room = w.look_up(_ROOMS, room_id)
        membership = permissions.check_may_read(room, w.row(Membership, key))
        assert room is not None
        position = room.seq if seq is None else min(seq, room.seq)
        updated = max(0, position - membership.read_seq)
        if updated:
            membership.read_seq = position
            w.update(membership, "read_seq")
            w.append(user_stream(user_id), ConversationChanged(conversation_payload(membership)))
        return {
            "room_id": str(room_id),
            "read_seq": membership.read_seq,
            "unread_count": unread_count(room.seq, membership),
            "updated": updated,
        }

    return Act(
        run=run,
        rows=[(Membership, key)],
        streams=[user_stream(user_id)],
        lookups=[(_ROOMS, room_id)],
        buffered=True,
    )
