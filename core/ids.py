"""Ids: UUIDv7 for what is created once, UUIDv5 for what two installations may create alike."""

from __future__ import annotations

from uuid import UUID, uuid5

from uuid_utils.compat import uuid7 as _uuid7

# The root of all natural ids. Changing it would give every membership a second identity.
NAMESPACE = UUID("6b0c1a52-8d3f-5e0a-9a54-7f1c2b7d9e11")


def uuid7() -> UUID:
    """A new id that sorts by time of creation (RFC 9562, version 7)."""
    return _uuid7()


def natural_id(kind: str, *parts: object) -> UUID:
    """The id of a thing that its parts name, the same wherever it is computed (version 5)."""
    return uuid5(NAMESPACE, "\x1f".join([kind, *map(str, parts)]))
