"""Frames to messages and back: pure, strict, and the same for every transport.

Text frames are objects at vsn 1.0.0 and arrays ``[join_ref, ref, topic, event, payload]`` at
2.0.0; binary frames exist at 2.0.0 only. The layouts are those of the Phoenix serializer
(phoenix/assets/js/phoenix/serializer.js) and of realtime-js's kinds 3 and 4. Whatever bytes
come in, nothing but ``FrameError`` is raised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

# Strings, compared and echoed byte for byte; the specification's dialect may number its frames.
Ref = str | int | None

MAX_NAME_BYTES = 255
_PARTS = 5


class FrameError(ValueError):
    """Not a frame of the protocol; the text says what is wrong with it."""


class Vsn(IntEnum):
    """The version of the serializer that a client asked for."""

    OBJECTS = 1
    ARRAYS = 2


class Kind(IntEnum):
    """The first byte of a binary frame."""

    PUSH = 0
    REPLY = 1
    BROADCAST = 2
    USER_PUSH = 3
    USER_BROADCAST = 4


class Encoding(IntEnum):
    """How the payload of a user push or user broadcast is to be read."""

    BINARY = 0
    JSON = 1


_VERSIONS = {Vsn.OBJECTS: re.compile(r"1\.0\.\d{1,4}"), Vsn.ARRAYS: re.compile(r"2\.0\.\d{1,4}")}


@dataclass(slots=True)
class Message:
    """One frame from a client. ``payload`` is any JSON value, or bytes for a binary push.

    ``kind`` is that of a binary frame, None for text; ``meta`` is what a user push carries beside
    its payload.
    """

    join_ref: Ref
    ref: Ref
    topic: str | None
    event: str
    payload: Any
    kind: Kind | None = None
    meta: dict[str, Any] | None = None


def parse_vsn(text: str | None, default: Vsn) -> Vsn:
    """The version that ``vsn=`` asks for (``~> 1.0.0`` or ``~> 2.0.0``). Raises FrameError for others."""
    if text is None:
        return default
    for vsn, pattern in _VERSIONS.items():
        if pattern.fullmatch(text):
            return vsn
    raise FrameError("vsn must be 1.0.0 or 2.0.0")


# --- in -----------------------------------------------------------------------------------


def decode_text(vsn: Vsn, text: str | bytes) -> Message:
    """The message of a text frame. Raises FrameError."""
    try:
        value = orjson.loads(text)
    except ValueError as error:
        raise FrameError("the frame is not valid JSON") from error
    return _from_array(value) if vsn is Vsn.ARRAYS else _from_object(value)


def _from_array(value: Any) -> Message:
    if not isinstance(value, list) or len(value) != _PARTS:
        raise FrameError("a frame is an array of five: join_ref, ref, topic, event, payload")
    join_ref, ref, topic, event, payload = value
    return Message(_ref(join_ref, "join_ref"), _ref(ref, "ref"), _topic(topic), _event(event), payload)


def _from_object(value: Any) -> Message:
    if not isinstance(value, dict):
        raise FrameError("a frame is an object with topic, event, payload, ref and join_ref")
    for name in ("topic", "event", "payload"):
        if name not in value:
            raise FrameError(f"{name} is missing")
    join_ref, ref = _ref(value.get("join_ref"), "join_ref"), _ref(value.get("ref"), "ref")
    return Message(join_ref, ref, _topic(value["topic"]), _event(value["event"]), value["payload"])


def _ref(value: Any, name: str) -> Ref:
    # bool is an int to Python and nothing of the kind to a client.
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    raise FrameError(f"{name} must be a string or null")


def _topic(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise FrameError("topic must be a string")


def _event(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise FrameError("event must be a string and not empty")


def decode_binary(data: bytes) -> Message:
    """The message of a binary frame (kinds 0 and 3 come from clients). Raises FrameError."""
    if not data:
        raise FrameError("the frame is empty")
    if data[0] == Kind.PUSH:
        return _decode_push(data)
    if data[0] == Kind.USER_PUSH:
        return _decode_user_push(data)
    raise FrameError("a binary frame from a client is of kind 0 or 3")


def _decode_push(data: bytes) -> Message:
    (join_ref, ref, topic, event), payload = _cut(data, 4, 5)
    return Message(join_ref or None, ref or None, topic, _event(event), payload, Kind.PUSH)


def _decode_user_push(data: bytes) -> Message:
    (join_ref, ref, topic, event, meta), body = _cut(data, 5, 7)
    payload: Any = body
    if data[6] == Encoding.JSON:
        payload = _json(body, "payload")
    elif data[6] != Encoding.BINARY:
        raise FrameError("the encoding of a user push is 0 (binary) or 1 (JSON)")
    meta_value = _json(meta, "meta") if meta else None
    if meta_value is not None and not isinstance(meta_value, dict):
        raise FrameError("meta must be an object")
    content = {"type": "broadcast", "event": _event(event), "payload": payload}
    return Message(join_ref or None, ref or None, topic, "broadcast", content, Kind.USER_PUSH, meta_value)


def _cut(data: bytes, names: int, start: int) -> tuple[list[str], bytes]:
    """The ``names`` strings whose sizes stand from the second byte on, and what follows them.

    ``start`` is where the first string begins.
    """
    if len(data) < start:
        raise FrameError("the frame ends within its header")
    pieces = []
    for size in data[1 : 1 + names]:
        end = start + size
        if end > len(data):
            raise FrameError("the frame is shorter than its sizes say")
        try:
            pieces.append(data[start:end].decode())
        except UnicodeDecodeError as error:
            raise FrameError("names must be UTF-8") from error
        start = end
    return pieces, data[start:]


def _json(text: str | bytes, name: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise FrameError(f"{name} is not valid JSON") from error


# --- out ----------------------------------------------------------------------------------


def dump(value: Any) -> bytes:
    """Compact JSON. Raises FrameError for what JSON cannot hold or what is nested too deeply."""
    try:
        return orjson.dumps(value)
    except TypeError as error:  # orjson's own error is one
        raise FrameError(f"this cannot be sent as JSON: {error}") from error


def encode_text(vsn: Vsn, join_ref: Ref, ref: Ref, topic: str | None, event: str, payload_json: bytes) -> bytes:
    """A text frame around a payload that is JSON already."""
    if vsn is Vsn.ARRAYS:
        head = dump([join_ref, ref, topic, event])
        return b"%b,%b]" % (head[:-1], payload_json)
    return b'{"topic":%b,"event":%b,"payload":%b,"ref":%b,"join_ref":%b}' % (
        dump(topic),
        dump(event),
        payload_json,
        dump(ref),
        dump(join_ref),
    )


def encode_push(join_ref: str, topic: str, event: str, data: bytes) -> bytes:
    """Kind 0, server to client. Raises FrameError for a name of more than 255 bytes, as all of these."""
    return _pack(Kind.PUSH, (join_ref, topic, event), data)


def encode_reply(join_ref: str, ref: str, topic: str, status: str, data: bytes) -> bytes:
    """Kind 1."""
    return _pack(Kind.REPLY, (join_ref, ref, topic, status), data)


def encode_broadcast(topic: str, event: str, data: bytes) -> bytes:
    """Kind 2, which stock phoenix reads."""
    return _pack(Kind.BROADCAST, (topic, event), data)


def encode_user_broadcast(topic: str, event: str, meta: str, encoding: Encoding, data: bytes) -> bytes:
    """Kind 4, which realtime-js reads. ``meta`` is JSON text, or empty."""
    return _pack(Kind.USER_BROADCAST, (topic, event, meta), data, bytes([encoding]))


def _pack(kind: Kind, names: tuple[str, ...], data: bytes, extra: bytes = b"") -> bytes:
    pieces = [name.encode() for name in names]
    if any(len(piece) > MAX_NAME_BYTES for piece in pieces):
        raise FrameError(f"a name of a binary frame has at most {MAX_NAME_BYTES} bytes")
    sizes = bytes(len(piece) for piece in pieces)
    return b"".join((bytes([kind]), sizes, extra, *pieces, data))
