"""Making, changing and deleting rooms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CreateRoomResult:
    """The room's id; ``created`` is False for the direct room that two people already have."""

    room_id: UUID
    created: bool


def create_room(*, actor_id: UUID, kind: str, name: str = "", member_ids: Sequence[UUID] = ()) -> CreateRoomResult:
    """A direct room (exactly one other person), a group or a public room; the actor owns it."""
    raise NotImplementedError


def update_room(*, actor_id: UUID, room_id: UUID, changes: dict[str, object], reason: str = "") -> None:
    """Change ``name``, ``guests_may_send``, ``members_may_invite``, ``members_may_pin``, ``is_frozen``."""
    raise NotImplementedError


def delete_room(*, actor_id: UUID, room_id: UUID, reason: str = "") -> None:
    """Delete a room with all it holds; its members get ``room:deleted``."""
    raise NotImplementedError
