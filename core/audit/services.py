"""The one way into the audit."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from core.audit.models import AuditEntry
from core.errors import Invalid

MAX_REASON = 1000


class Actor(Protocol):
    """Who acts: a person's row."""

    pk: UUID

    def get_username(self) -> str:
        """The name that the audit keeps, also when the account is gone."""


def clean_reason(reason: str) -> str:
    """The reason without blanks around it. Raises Invalid when it is missing or longer than 1000 characters."""
    text = reason.replace("\x00", "").strip()
    if not text:
        raise Invalid("Say why: every act of a moderator keeps its reason.", attr="reason")
    if len(text) > MAX_REASON:
        raise Invalid(f"The reason may have at most {MAX_REASON} characters.", attr="reason")
    return text


def record(
    *,
    actor: Actor | None,
    action: str,
    object_type: str,
    object_id: object,
    reason: str,
    data: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write an entry; call it inside the transaction of the act, so that neither is without the other.

    ``actor`` None is the system itself (a command, the first start). ``data`` holds facts, never a
    person's words. Raises Invalid without a reason.
    """
    return AuditEntry.objects.create(
        actor_id=None if actor is None else actor.pk,
        actor_name="the system" if actor is None else actor.get_username(),
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        reason=clean_reason(reason),
        data=data or {},
    )
