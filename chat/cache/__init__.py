"""The caches of chat: what a poll asks for, answered without the database.

``chat:meta`` is written through by every commit of a room, by a script that only ever raises the
offset; what readers fill in goes through the same script. Beside it stands the room's *floor*: the
newest state that anybody has seen committed, kept for a minute. A fill below the floor is refused,
so a reader that read before a commit and stalled cannot bring the old state back.

Guarantee: the new offset is there at once in the process that committed and for every reader of
Redis, elsewhere after the invalidation, and never later than a second even when that is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from chat.cache.changes import RECENT_CHANGES, changes_page
from chat.cache.members import amember_role, forget_members, member_role, touch_owners, touch_user
from chat.cache.messages import MESSAGE_LIMITS, Page, get_messages, message_keys
from chat.cache.meta import aget_meta, get_meta, load_meta, local_meta, newest_meta, raise_meta
from chat.cache.state import Floor, LoadedMeta, Meta, RoomState
from core import cache
from core.cache_keys import CHAT_META

__all__ = [
    "MESSAGE_LIMITS",
    "RECENT_CHANGES",
    "Floor",
    "LoadedMeta",
    "Meta",
    "Page",
    "RoomState",
    "aget_meta",
    "amember_role",
    "changes_page",
    "forget_members",
    "forget_room",
    "get_messages",
    "get_meta",
    "load_meta",
    "local_meta",
    "member_role",
    "newest_meta",
    "raise_meta",
    "touch_owners",
    "touch_user",
]


def forget_room(pipe: Any, room_id: UUID, member_ids: Iterable[UUID]) -> None:
    """The room is gone: drop what is cached of it and of its members."""
    cache.invalidate(CHAT_META.of(room_id=room_id), *message_keys(room_id), pipe=pipe)
    forget_members(pipe, room_id, member_ids)
