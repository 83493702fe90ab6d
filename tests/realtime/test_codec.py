"""The codec against the golden vectors, against a second implementation, and against noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime import codec
from realtime.codec import Encoding, FrameError, Kind, Message, Vsn
from tests.realtime import wire

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "codec.json").read_text())


def named(vectors: list[dict[str, Any]]) -> list[Any]:
    assert vectors
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


def expected(vector: dict[str, Any]) -> Message:
    fields = dict(vector["message"])
    if "payload_hex" in vector:
        data = bytes.fromhex(vector["payload_hex"])
        fields["payload"] = data if fields["payload"] is None else {**fields["payload"], "payload": data}
    return Message(**fields)


@pytest.mark.parametrize("vector", named(VECTORS["from_client"]["text"]))
def test_text_from_clients(vector: dict[str, Any]) -> None:
    message = codec.decode_text(Vsn(vector["vsn"]), vector["frame"])
    assert message == expected(vector)
    assert [type(ref) for ref in (message.join_ref, message.ref)] == [
        type(vector["message"][name]) for name in ("join_ref", "ref")
    ]


@pytest.mark.parametrize("vector", named(VECTORS["from_client"]["text_errors"]))
def test_broken_text_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(FrameError, match=r"\w{2,}"):
        codec.decode_text(Vsn(vector["vsn"]), vector["frame"])


@pytest.mark.parametrize("vector", named(VECTORS["from_client"]["binary"]))
def test_binary_from_clients(vector: dict[str, Any]) -> None:
    assert codec.decode_binary(bytes.fromhex(vector["hex"])) == expected(vector)


@pytest.mark.parametrize("vector", named(VECTORS["from_client"]["binary_errors"]))
def test_broken_binary_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(FrameError, match=r"\w{2,}"):
        codec.decode_binary(bytes.fromhex(vector["hex"]))


@pytest.mark.parametrize("vector", named(VECTORS["from_server"]["text"]))
def test_text_to_clients(vector: dict[str, Any]) -> None:
    fields = vector["message"]
    names = (fields["join_ref"], fields["ref"], fields["topic"], fields["event"])
    frame = codec.encode_text(Vsn(vector["vsn"]), *names, orjson.dumps(fields["payload"]))
    assert frame.decode() == vector["frame"]


@pytest.mark.parametrize("vector", named(VECTORS["from_server"]["binary"]))
def test_binary_to_clients(vector: dict[str, Any]) -> None:
    fields, kind = vector["message"], Kind(vector["kind"])
    data = bytes.fromhex(vector.get("payload_hex", ""))
    if kind is Kind.PUSH:
        frame = codec.encode_push(fields["join_ref"], fields["topic"], fields["event"], data)
    elif kind is Kind.REPLY:
        status = fields["payload"]["status"]
        frame = codec.encode_reply(fields["join_ref"], fields["ref"], fields["topic"], status, data)
    elif kind is Kind.BROADCAST:
        frame = codec.encode_broadcast(fields["topic"], fields["event"], data)
    else:
        content = fields["payload"]
        meta = orjson.dumps(content["meta"]).decode() if "meta" in content else ""
        encoding = Encoding(vector["encoding"])
        body = orjson.dumps(content["payload"]) if encoding is Encoding.JSON else data
        frame = codec.encode_user_broadcast(fields["topic"], content["event"], meta, encoding, body)
    assert frame.hex() == vector["hex"]


def test_every_kind_has_a_vector() -> None:
    covered = {vector["kind"] for vector in VECTORS["from_server"]["binary"]}
    covered |= {vector["message"]["kind"] for vector in VECTORS["from_client"]["binary"]}
    assert covered == set(Kind)


@pytest.mark.parametrize(
    ("text", "vsn"), [("1.0.0", 1), ("2.0.0", 2), ("1.0.7", 1), ("2.0.12", 2), (None, 2), ("2.0.0 ", None)]
)
def test_versions(text: str | None, vsn: int | None) -> None:
    if vsn is None:
        with pytest.raises(FrameError):
            codec.parse_vsn(text, Vsn.ARRAYS)
    else:
        assert codec.parse_vsn(text, Vsn.ARRAYS) == vsn


@pytest.mark.parametrize("text", ["", "1", "2", "1.1.0", "2.1.0", "3.0.0", "2.0", "v2.0.0", "2.0.0\n", "2.0.x"])
def test_other_versions_are_refused(text: str) -> None:
    with pytest.raises(FrameError):
        codec.parse_vsn(text, Vsn.ARRAYS)


# Half surrogates cannot be in UTF-8; everything else can.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = texts.filter(lambda text: len(text.encode()) <= 255)
refs = st.none() | texts | st.integers(-(2**53), 2**53)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


@given(st.sampled_from(Vsn), refs, refs, st.none() | texts, texts.filter(bool), values)
def test_text_round_trip(vsn: Vsn, join_ref: Any, ref: Any, topic: Any, event: str, payload: Any) -> None:
    given_frame = wire.encode(vsn, join_ref, ref, topic, event, payload)
    message = codec.decode_text(vsn, given_frame)
    assert (message.join_ref, message.ref, message.topic, message.event) == (join_ref, ref, topic, event)
    assert message.payload == payload
    back = codec.encode_text(vsn, join_ref, ref, topic, event, codec.dump(payload))
    assert wire.decode(vsn, back.decode()) == (join_ref, ref, topic, event, payload)


@given(names, names, names, names.filter(bool), st.binary(max_size=300))
def test_binary_push_round_trip(join_ref: str, ref: str, topic: str, event: str, data: bytes) -> None:
    message = codec.decode_binary(wire.encode_push(join_ref, ref, topic, event, data))
    assert message == Message(join_ref or None, ref or None, topic, event, data, Kind.PUSH)
    assert wire.decode_binary(codec.encode_push(join_ref, topic, event, data)) == (join_ref, None, topic, event, data)
    assert wire.decode_binary(codec.encode_broadcast(topic, event, data)) == (None, None, topic, event, data)
    reply = wire.decode_binary(codec.encode_reply(join_ref, ref, topic, event, data))
    assert reply == (join_ref, ref, topic, "phx_reply", {"status": event, "response": data})


@given(names, names, names, names.filter(bool), values | st.binary(max_size=300))
def test_user_push_round_trip(join_ref: str, ref: str, topic: str, event: str, payload: Any) -> None:
    message = codec.decode_binary(wire.encode_user_push(join_ref, ref, topic, event, payload))
    assert message.event == "broadcast"
    assert message.payload == {"type": "broadcast", "event": event, "payload": payload}
    encoding = Encoding.BINARY if isinstance(payload, bytes) else Encoding.JSON
    body = payload if isinstance(payload, bytes) else codec.dump(payload)
    sent = wire.decode_binary(codec.encode_user_broadcast(topic, event, "", encoding, body))
    assert sent == (None, None, topic, "broadcast", message.payload)


@given(st.binary(max_size=60))
def test_noise_raises_nothing_but_its_own_error(data: bytes) -> None:
    for decode in (codec.decode_binary, lambda text: codec.decode_text(Vsn.ARRAYS, text)):
        try:
            decode(data)
        except FrameError as error:
            assert str(error)  # noqa: PT017 - a frame that happens to be good is fine too


@given(st.sampled_from([Kind.PUSH, Kind.USER_PUSH]), st.binary(max_size=80))
def test_noise_behind_a_good_first_byte(kind: Kind, data: bytes) -> None:
    try:
        message = codec.decode_binary(bytes([kind]) + data)
    except FrameError:
        return
    assert message.event


@given(st.sampled_from(Vsn), values)
def test_json_that_is_no_frame(vsn: Vsn, value: Any) -> None:
    try:
        message = codec.decode_text(vsn, json.dumps(value))
    except FrameError:
        return
    assert isinstance(message.event, str)


def test_long_names_do_not_fit_binary_frames() -> None:
    with pytest.raises(FrameError):
        codec.encode_broadcast("a" * 256, "b", b"")
    assert codec.encode_broadcast("a" * 255, "b", b"")[1] == 255


def test_what_json_cannot_hold_is_a_frame_error() -> None:
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    for value in (deep, {"x": object()}, "\ud800", 2**70):
        with pytest.raises(FrameError):
            codec.dump(value)
