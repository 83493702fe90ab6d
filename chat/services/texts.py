"""What people may write: checked before anything is locked, the same for every door."""

from __future__ import annotations

import math
from typing import Any

import orjson
from django.conf import settings

from core.errors import Invalid

MESSAGE_TYPES = ("text", "image", "video", "audio", "file")
MAX_CLIENT_ID = 64
# Bytes of JSON.
MAX_METADATA = 4096
MAX_NAME = 120
MAX_TOPIC = 300
_MAX_DEPTH = 16


def check_content(content: str) -> None:
    """Raises Invalid for a text that is empty, too long, or cannot be stored."""
    encoded = _encode(content, "content")
    if len(encoded) > settings.MAX_CONTENT_BYTES:
        detail = f"A message may have at most {settings.MAX_CONTENT_BYTES} bytes of UTF-8; this has {len(encoded)}."
        raise Invalid(detail, attr="content")
    if not content.strip():
        raise Invalid("A message needs some text.", attr="content")


def check_client_id(client_id: str | None) -> None:
    """Raises Invalid for a client_id that is empty, too long, or cannot be stored."""
    if client_id is None:
        return
    _encode(client_id, "client_id")
    if not 0 < len(client_id) <= MAX_CLIENT_ID:
        raise Invalid(f"client_id has 1 to {MAX_CLIENT_ID} characters.", attr="client_id")


def check_message_type(message_type: str) -> None:
    """Raises Invalid for a type that nobody knows."""
    if message_type not in MESSAGE_TYPES:
        raise Invalid(f"The type is one of {', '.join(MESSAGE_TYPES)}.", attr="type")


def check_metadata(metadata: dict[str, Any] | None) -> None:
    """Raises Invalid for metadata that is too large, too deep, or cannot be stored."""
    if not metadata:
        return
    if not _is_storable(metadata, _MAX_DEPTH):
        raise Invalid("The metadata is nested too deeply or has characters that cannot be stored.", attr="metadata")
    if len(orjson.dumps(metadata)) > MAX_METADATA:
        raise Invalid(f"The metadata may have at most {MAX_METADATA} bytes of JSON.", attr="metadata")


def clean_line(text: str, attr: str, limit: int) -> str:
    """A line of text (a name, a topic) without blanks around it. Raises Invalid."""
    _encode(text, attr)
    cleaned = " ".join(text.split())
    if len(cleaned) > limit:
        raise Invalid(f"At most {limit} characters, please.", attr=attr)
    return cleaned


def _encode(text: str, attr: str) -> bytes:
    if not isinstance(text, str):
        raise Invalid("This has to be text.", attr=attr)
    if "\x00" in text:
        raise Invalid("The text has a NUL character, which cannot be stored.", attr=attr)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Invalid("The text has half of a surrogate pair, which is no character.", attr=attr) from error


def _is_storable(value: object, depth: int) -> bool:
    if isinstance(value, str):
        return "\x00" not in value and _is_encodable(value)
    if isinstance(value, dict):
        return depth > 0 and all(_is_storable(part, depth - 1) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return depth > 0 and all(_is_storable(part, depth - 1) for part in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**63)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
