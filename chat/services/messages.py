"""Sending, editing and recalling messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.log.events import Payload


@dataclass(frozen=True, slots=True)
class SendResult:
    """The message as everyone sees it; ``created`` is False when its client_id was known."""

    message: Payload
    created: bool


def send_message(
    *,
    sender_id: UUID,
    room_id: UUID,
    content: str,
    client_id: str | None = None,
    message_type: str = "text",
    reply_to: UUID | None = None,
    metadata: dict[str, Any] | None = None,
) -> SendResult:
    """Send. Raises Invalid, NotFound (outsider), Forbidden, Unavailable."""
    raise NotImplementedError


async def asend_message(
    *,
    sender_id: UUID,
    room_id: UUID,
    content: str,
    client_id: str | None = None,
    message_type: str = "text",
    reply_to: UUID | None = None,
    metadata: dict[str, Any] | None = None,
) -> SendResult:
    """As ``send_message``, for coroutines."""
    raise NotImplementedError


def edit_message(*, actor_id: UUID, message_id: UUID, content: str, version: int | None = None) -> Payload:
    """The message after the edit. Raises VersionConflict (``extra["current"]``), NotFound, Forbidden, Invalid."""
    raise NotImplementedError


async def aedit_message(*, actor_id: UUID, message_id: UUID, content: str, version: int | None = None) -> Payload:
    """As ``edit_message``, for coroutines."""
    raise NotImplementedError


def recall_message(*, actor_id: UUID, message_id: UUID, reason: str = "") -> Payload:
    """The message's tombstone. Raises RecallExpired, NotFound, Forbidden. Twice is once."""
    raise NotImplementedError


async def arecall_message(*, actor_id: UUID, message_id: UUID, reason: str = "") -> Payload:
    """As ``recall_message``, for coroutines."""
    raise NotImplementedError
