"""What is sent to many: encoded once for all who read it alike.

A broadcast differs between sockets only in the serializer, in the name that the client gave the
topic, and, when it is binary, in the kind that the client reads. One ``Frame`` keeps each of these
forms from its first use on, down to the bytes of the WebSocket frame.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any, NamedTuple

import orjson

from realtime import codec
from realtime.codec import Encoding, Vsn
from realtime.dialects import BROADCAST

# RFC 6455, section 5.2: FIN and the opcode in the first byte, the length in the second or after it.
_TEXT, _BINARY = 0x81, 0x82
_ONE_BYTE, _TWO_BYTES = 125, 0xFFFF


def websocket_frame(data: bytes, is_text: bool) -> bytes:
    """A whole, unmasked WebSocket frame (what servers send) around ``data``."""
    first, size = _TEXT if is_text else _BINARY, len(data)
    if size <= _ONE_BYTE:
        return struct.pack("!BB", first, size) + data
    if size <= _TWO_BYTES:
        return struct.pack("!BBH", first, 126, size) + data
    return struct.pack("!BBQ", first, 127, size) + data


class Encoded:
    """One frame as bytes, with the forms that transports need made on first use."""

    __slots__ = ("_framed", "data", "is_text")

    def __init__(self, data: bytes, *, is_text: bool = True) -> None:
        self.data = data
        self.is_text = is_text
        self._framed: bytes | None = None

    @property
    def framed(self) -> bytes:
        """The bytes that go into a WebSocket's transport."""
        if self._framed is None:
            self._framed = websocket_frame(self.data, self.is_text)
        return self._framed

    def asgi(self) -> dict[str, Any]:
        """The ASGI event that sends it."""
        if self.is_text:
            return {"type": "websocket.send", "text": self.data.decode()}
        return {"type": "websocket.send", "bytes": self.data}


class BinaryForm(IntEnum):
    """The kind of binary broadcast that a socket reads."""

    NONE = 0
    BROADCAST = codec.Kind.BROADCAST
    USER_BROADCAST = codec.Kind.USER_BROADCAST


class Variant(NamedTuple):
    """What two channels must have in common to be sent the same bytes."""

    vsn: Vsn
    topic: str
    binary: BinaryForm


class Frame:
    """Something to be told to a topic: an event with JSON, or a binary broadcast.

    Durable events have the ``offset`` and ``epoch`` of their change. A binary broadcast has
    ``is_binary``; its ``event`` is the user's, its ``body`` the bytes, and ``meta`` JSON text.
    """

    __slots__ = ("_encoded", "_payload", "body", "epoch", "event", "is_binary", "meta", "offset", "topic")

    def __init__(
        self,
        topic: str,
        event: str,
        body: bytes,
        *,
        offset: int | None = None,
        epoch: str | None = None,
        is_binary: bool = False,
        meta: str = "",
    ) -> None:
        self.topic = topic
        self.event = event
        self.body = body
        self.offset = offset
        self.epoch = epoch
        self.is_binary = is_binary
        self.meta = meta
        self._encoded: dict[Variant, Encoded | None] = {}
        self._payload: Any = None

    @classmethod
    def of(cls, topic: str, event: str, payload: Any, *, offset: int | None = None, epoch: str | None = None) -> Frame:
        """A frame from a payload that is not encoded yet. Raises FrameError when JSON cannot hold it."""
        return cls(topic, event, codec.dump(payload), offset=offset, epoch=epoch)

    @property
    def payload(self) -> Any:
        """The payload of a JSON frame, parsed on first use."""
        if self._payload is None:
            self._payload = orjson.loads(self.body)
        return self._payload

    def encoded(self, variant: Variant) -> Encoded | None:
        """The bytes for these channels, the same object for all of them; None when they cannot read it."""
        if not self.is_binary:
            # Text is the same whatever kind of binary a socket reads.
            variant = variant._replace(binary=BinaryForm.NONE)
        if variant not in self._encoded:
            self._encoded[variant] = self._encode_binary(variant) if self.is_binary else self._encode_text(variant)
        return self._encoded[variant]

    def _encode_text(self, variant: Variant) -> Encoded:
        return Encoded(codec.encode_text(variant.vsn, None, None, variant.topic, self.event, self.body))

    def _encode_binary(self, variant: Variant) -> Encoded | None:
        if variant.vsn is not Vsn.ARRAYS or variant.binary is BinaryForm.NONE:
            return None
        if variant.binary is BinaryForm.BROADCAST:
            data = codec.encode_broadcast(variant.topic, self.event, self.body)
        else:
            data = codec.encode_user_broadcast(variant.topic, self.event, self.meta, Encoding.BINARY, self.body)
        return Encoded(data, is_text=False)


def broadcast_payload(event: str, payload: Any, meta: dict[str, Any] | None = None) -> dict[str, Any]:
    """The payload of a broadcast, as it goes both ways."""
    content = {"type": BROADCAST, "event": event, "payload": {} if payload is None else payload}
    return {**content, "meta": meta} if meta else content
