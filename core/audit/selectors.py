"""Reads of the audit."""

from __future__ import annotations

from core.audit.models import AuditEntry


def list_entries(object_type: str, object_id: str, *, limit: int = 20) -> list[AuditEntry]:
    """What was done to an object, the latest first."""
    return list(AuditEntry.objects.filter(object_type=object_type, object_id=object_id)[:limit])


def list_latest(*, limit: int = 20) -> list[AuditEntry]:
    """What was done lately, the latest first."""
    return list(AuditEntry.objects.all()[:limit])
