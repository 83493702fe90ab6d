"""Who is in a room: adding, removing, roles, joining, leaving, invitations."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.log.events import Payload


def add_members(*, actor_id: UUID, room_id: UUID, user_ids: Sequence[UUID], role: str = "member") -> list[Payload]:
    """Add people; the members ``{user, role}`` asked for, those that were there before included."""
    raise NotImplementedError


def remove_member(*, actor_id: UUID, room_id: UUID, user_id: UUID, reason: str = "") -> None:
    """Take somebody out of a room."""
    raise NotImplementedError


def change_role(*, actor_id: UUID, room_id: UUID, user_id: UUID, role: str) -> Payload:
    """Give a member another role; ``owner`` hands the room over. The member ``{user, role}``."""
    raise NotImplementedError


def join_room(*, user_id: UUID, room_id: UUID) -> Payload:
    """Join a public room; twice is once. The member ``{user, role}``."""
    raise NotImplementedError


def leave_room(*, user_id: UUID, room_id: UUID) -> None:
    """Leave. Raises Conflict when the owner would leave others behind."""
    raise NotImplementedError
