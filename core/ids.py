"""Ids: UUIDv7 for what is created once, UUIDv5 for what two installations may create alike."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7 as _uuid7

# The root of all natural ids. Changing it would give every membership a second identity.
NAMESPACE = UUID("6b0c1a52-8d3f-5e0a-9a54-7f1c2b7d9e11")


def uuid7() -> UUID:
    """A new id that sorts by time of creation (RFC 9562, version 7)."""
    return _uuid7()


def as_uuid(text: str) -> UUID | None:
    """The id in its canonical form, None for anything else: it is nobody's."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def first_of(moment: datetime) -> UUID:
    """The smallest UUIDv7 that can be made at this moment: what is newer sorts after it."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62)


def natural_id(kind: str, *parts: object) -> UUID:
    """The id of a thing that its parts name, the same wherever it is computed (version 5)."""
    return uuid5(NAMESPACE, "\x1f".join([kind, *map(str, parts)]))
