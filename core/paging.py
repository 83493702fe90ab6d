"""Pages of lists: ``limit`` and an opaque ``cursor``, the same in every list of the API."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson
from rest_framework import serializers

from core.errors import Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR = 1_000


class PageQuery(serializers.Serializer[Any]):
    """The query of a list."""

    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    cursor = serializers.CharField(
        max_length=MAX_CURSOR, required=False, allow_blank=True, help_text="The next_cursor of the page before."
    )


def encode_cursor(*position: str | int) -> str:
    """The cursor of what follows this position (the sort key of a page's last item)."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *types: type) -> tuple[Any, ...] | None:
    """The position in a cursor, None without one. Raises Invalid for a cursor that is not ours."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = orjson.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError) as error:
        raise _not_ours() from error
    if not isinstance(position, list) or [type(part) for part in position] != list(types):
        raise _not_ours()
    # PostgreSQL's text cannot hold it, so no sort key of ours does.
    if any(isinstance(part, str) and "\x00" in part for part in position):
        raise _not_ours()
    return tuple(position)


def _not_ours() -> Invalid:
    return Invalid("This cursor is not one that the server gave.", attr="cursor")
