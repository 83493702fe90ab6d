"""Invitations: links by which people join a room."""

from __future__ import annotations

from uuid import UUID

from core.log.events import Payload


def create_invite(
    *, actor_id: UUID, room_id: UUID, expires_in: int | None = None, max_uses: int | None = None
) -> Payload:
    """``{code, expires_at, max_uses}``; ``expires_in`` in seconds."""
    raise NotImplementedError


def redeem_invite(*, user_id: UUID, code: str) -> UUID:
    """Join the room of an invitation; its id. Raises NotFound for a code unknown, expired or used up."""
    raise NotImplementedError
