"""The wire from a client's side, written apart from the server's codec so that the two check each other."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Frame(NamedTuple):
    """One frame, as a client sees it."""

    join_ref: Any
    ref: Any
    topic: Any
    event: str
    payload: Any


def encode(vsn: int, join_ref: Any, ref: Any, topic: Any, event: str, payload: Any) -> str:
    """A text frame as stock clients write it."""
    if vsn == 1:
        return json.dumps({"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref})
    return json.dumps([join_ref, ref, topic, event, payload])


def encode_push(join_ref: str, ref: str, topic: str, event: str, data: bytes) -> bytes:
    """Kind 0."""
    names = [text.encode() for text in (join_ref, ref, topic, event)]
    return bytes([0, *(len(name) for name in names)]) + b"".join(names) + data


def encode_user_push(join_ref: str, ref: str, topic: str, event: str, payload: Any, meta: str = "") -> bytes:
    """Kind 3; bytes as they are, anything else as JSON."""
    names = [text.encode() for text in (join_ref, ref, topic, event, meta)]
    binary = isinstance(payload, bytes)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return bytes([3, *(len(name) for name in names), 0 if binary else 1]) + b"".join(names) + body


def decode(vsn: int, data: str | bytes) -> Frame:
    """A frame from the server, text or binary."""
    if isinstance(data, bytes):
        return decode_binary(data)
    value = json.loads(data)
    if vsn == 1:
        assert set(value) == {"topic", "event", "payload", "ref", "join_ref"}, value
        return Frame(value["join_ref"], value["ref"], value["topic"], value["event"], value["payload"])
    assert isinstance(value, list)
    assert len(value) == 5
    return Frame(*value)


def decode_binary(data: bytes) -> Frame:
    """Kinds 0, 1, 2 and 4."""
    kind = data[0]
    if kind == 0:
        (join_ref, topic, event), rest = _cut(data, 3, 4)
        return Frame(join_ref, None, topic, event, rest)
    if kind == 1:
        (join_ref, ref, topic, status), rest = _cut(data, 4, 5)
        return Frame(join_ref, ref, topic, "phx_reply", {"status": status, "response": rest})
    if kind == 2:
        (topic, event), rest = _cut(data, 2, 3)
        return Frame(None, None, topic, event, rest)
    assert kind == 4, f"kind {kind} is not for clients"
    (topic, event, meta), rest = _cut(data, 3, 5)
    payload = {"type": "broadcast", "event": event, "payload": json.loads(rest) if data[4] == 1 else rest}
    if meta:
        payload["meta"] = json.loads(meta)
    return Frame(None, None, topic, "broadcast", payload)


def _cut(data: bytes, names: int, start: int) -> tuple[list[str], bytes]:
    found = []
    for size in data[1 : 1 + names]:
        found.append(data[start : start + size].decode())
        start += size
    return found, data[start:]
