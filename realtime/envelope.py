"""What processes tell each other over the broker: a line of JSON, then the body as it will be sent."""

from __future__ import annotations

import secrets
from typing import NamedTuple

import orjson

from realtime.frames import Frame

# Who is speaking: a process ignores its own words when they come back.
INSTANCE = secrets.token_hex(8)

_FIELDS = 6


class EnvelopeError(ValueError):
    """Not an envelope: something else speaks on our channel."""


class Envelope(NamedTuple):
    """A frame, and which process sent it."""

    instance: str
    frame: Frame


def pack(frame: Frame, instance: str = INSTANCE) -> bytes:
    """The frame for other processes. Its topic is the channel's, so it is not in it."""
    head = [instance, frame.event, frame.offset, frame.epoch, frame.is_binary, frame.meta]
    return orjson.dumps(head) + b"\n" + frame.body


def unpack(topic: str, data: bytes) -> Envelope:
    """The frame that another process sent. Raises EnvelopeError."""
    line, _, body = data.partition(b"\n")
    try:
        head = orjson.loads(line)
    except ValueError as error:
        raise EnvelopeError("the head is not JSON") from error
    if not isinstance(head, list) or len(head) != _FIELDS:
        raise EnvelopeError("the head has the wrong form")
    instance, event, offset, epoch, is_binary, meta = head
    frame = Frame(topic, event, body, offset=offset, epoch=epoch, is_binary=is_binary, meta=meta)
    return Envelope(instance, frame)
