"""Broadcasts: to whom, in which form, answered how, and what nobody may broadcast."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from core.cache_keys import TOPIC_CHANNEL
from core.log.events import registered_events
from realtime import topics
from realtime.broker import LocalBus
from realtime.channel import Channel
from realtime.codec import Vsn
from realtime.envelope import unpack
from realtime.frames import BinaryForm, Encoded, Frame, Variant, websocket_frame
from realtime.topics import ChannelExtension, Payload
from tests.realtime import fakes, wire
from tests.realtime.client import Client
from tests.realtime.fakes import World

pytestmark = pytest.mark.usefixtures("hub")


def client(name: str = "anna", **options: Any) -> Client:
    return Client(token=fakes.token(name), **options)


def broadcast(event: str = "cursor", payload: Any = None) -> dict[str, Any]:
    return {"type": "broadcast", "event": event, "payload": {"x": 1} if payload is None else payload}


@pytest.mark.parametrize(("echo", "ack"), list(itertools.product([False, True], repeat=2)))
async def test_self_and_ack(echo: bool, ack: bool) -> None:
    async with client() as anna, client() as other, client("ben") as ben:
        await anna.joined("open", {"broadcast": {"self": echo, "ack": ack}})
        for one in (other, ben):
            await one.joined("open")
        ref = await anna.push("open", "broadcast", broadcast())
        expected = (None, None, "open", "broadcast", broadcast())
        for one in (other, ben):
            assert [tuple(frame) for frame in await one.settled()] == [expected], (
                "another device of hers is no exception"
            )
        # Another device of hers is no exception.
        mine = await anna.settled()
        assert [tuple(frame) for frame in mine if frame.event == "broadcast"] == [expected] * echo
        assert [frame.payload for frame in mine if frame.ref == ref] == [{"status": "ok", "response": {}}] * ack
        assert len(mine) == echo + ack


@pytest.mark.parametrize("payload", [None, {}, {"你": "👋🏽", "nul": "\x00"}, {"deep": [[[{}]]]}])
async def test_payloads_arrive_as_they_were_sent_and_never_null(payload: Any) -> None:
    async with client() as anna, client("ben", vsn="1.0.0") as ben:
        await anna.joined("open")
        await ben.joined("open")
        await anna.push("open", "broadcast", {"event": "e", "payload": payload})
        [frame] = await ben.expect("broadcast")
        assert frame.payload == {"type": "broadcast", "event": "e", "payload": payload or {}}


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"event": ""},
        {"event": None, "payload": {}},
        {"event": 5, "payload": {}},
        {"event": "e", "payload": []},
        {"event": "e", "payload": "text"},
        [],
        "e",
        None,
    ],
)
async def test_broadcasts_that_are_none(payload: Any) -> None:
    async with client() as anna:
        await anna.joined("open", {"broadcast": {"self": True}})
        reply = await anna.ask("open", "broadcast", payload)
        assert (reply["status"], reply["response"]["code"]) == ("error", "invalid")
        assert await anna.settled() == []


async def test_one_topic_under_the_names_of_all_clients() -> None:
    async with client() as plain, client("ben") as prefixed, client("cleo") as both:
        await plain.joined("lobby")
        await prefixed.joined("realtime:lobby")
        await both.joined("lobby")
        await both.joined("realtime:lobby")
        await plain.push("lobby", "broadcast", broadcast())
        assert [frame.topic for frame in await prefixed.settled()] == ["realtime:lobby"]
        assert sorted(frame.topic for frame in await both.settled()) == ["lobby", "realtime:lobby"]
        await prefixed.push("realtime:lobby", "broadcast", broadcast())
        assert [frame.topic for frame in await plain.settled()] == ["lobby"]


async def test_the_size_of_what_is_broadcast() -> None:
    async with client() as anna, client("ben") as ben:
        await anna.joined("open", {"broadcast": {"ack": True}})
        await ben.joined("open")
        around = len(b'{"type":"broadcast","event":"e","payload":{"t":""}}')
        for size, status in ((102_400, "ok"), (102_401, "error")):
            content = {"type": "broadcast", "event": "e", "payload": {"t": "x" * (size - around)}}
            reply = await anna.ask("open", "broadcast", content)
            assert reply["status"] == status
        assert reply["response"] == {"code": "payload_too_large", "reason": "payload_size_exceeded"}
        # Escaped, the same text is twice as long on its way here; it counts as it goes out.
        await anna.raw(
            wire.encode(2, anna.join_refs["open"], "u", "open", "broadcast", broadcast("e", {"t": "你" * 30_000}))
        )
        assert (await anna.frames_until("u"))[1].payload["status"] == "ok"
        assert len(await ben.settled()) == 2
        await anna.raw(wire.encode_user_push(anna.join_refs["open"], "b", "open", "e", bytes(102_401)))
        assert (await anna.frames_until("b"))[1].payload["response"]["reason"] == "payload_size_exceeded"


async def test_what_cannot_be_written_as_json_again_is_an_error() -> None:
    async with client() as anna:
        await anna.joined("open")
        deep = "[" * 400 + "]" * 400
        text = f'["{anna.join_refs["open"]}","d","open","broadcast",{{"event":"e","payload":{{"x":{deep}}}}}]'
        await anna.raw(text)
        assert (await anna.frames_until("d"))[1].payload["response"]["code"] == "invalid"


# --- binary -----------------------------------------------------------------------------------


async def test_json_in_a_user_push_goes_to_everyone_as_text() -> None:
    async with client() as anna, client("ben") as ben, client("cleo", vsn="1.0.0") as cleo:
        for one in (anna, ben, cleo):
            await one.joined("open")
        await anna.raw(wire.encode_user_push(anna.join_refs["open"], "1", "open", "e", {"x": 1}, '{"id":"m"}'))
        for one in (ben, cleo):
            [frame] = await one.expect("broadcast")
            assert frame.payload == {"type": "broadcast", "event": "e", "payload": {"x": 1}, "meta": {"id": "m"}}


async def test_a_binary_payload_goes_to_each_in_the_kind_that_it_reads() -> None:
    data = bytes(range(256))
    async with (
        client() as sender,
        client("with config") as configured,
        client("stock phoenix") as phoenix,
        client("old", vsn="1.0.0") as old,
        client("shown") as shown,
    ):
        await sender.joined("open")
        await configured.joined("open", {})
        for one in (phoenix, old, shown):
            await one.joined("open")
        # Whoever sends a user push shows that it reads them too.
        await shown.raw(wire.encode_user_push(shown.join_refs["open"], "1", "open", "hello", {}))
        for one in (sender, configured, phoenix, old):
            await one.expect("broadcast")
        await sender.raw(wire.encode_user_push(sender.join_refs["open"], "2", "open", "draw", data))
        expected = {"type": "broadcast", "event": "draw", "payload": data}
        for one in (configured, shown):
            [frame] = await one.expect("broadcast")
            assert frame == (None, None, "open", "broadcast", expected)
        [frame] = await phoenix.expect("draw")
        assert frame == (None, None, "open", "draw", data)
        assert await old.settled() == []


async def test_a_binary_push_of_stock_phoenix_is_a_broadcast_of_its_event() -> None:
    async with client() as anna, client("ben") as ben:
        await anna.joined("open", {"broadcast": {"ack": True}})
        await ben.joined("open", {})
        await anna.raw(wire.encode_push(anna.join_refs["open"], "1", "open", "draw", b"\x00\x01"))
        assert (await anna.frames_until("1"))[1].payload["status"] == "ok"
        [frame] = await ben.expect("broadcast")
        assert frame.payload == {"type": "broadcast", "event": "draw", "payload": b"\x00\x01"}


@pytest.mark.parametrize("event", ["phx_close", "phx_error", "chan:close", "phx_reply", "presence_state", "system"])
async def test_nobody_makes_a_stock_client_believe_the_server_spoke(event: str) -> None:
    async with client() as anna, client("ben") as ben:
        await anna.joined("open")
        await ben.joined("open")
        for data in (
            wire.encode_push(anna.join_refs["open"], "1", "open", event, b"x"),
            wire.encode_user_push(anna.join_refs["open"], "1", "open", event, b"x"),
        ):
            await anna.raw(data)
            assert (await anna.frames_until("1"))[1].payload["status"] == "error"
        assert await ben.settled() == []


# --- names that are the server's ------------------------------------------------------------------


@pytest.mark.parametrize("event", ["message:created", "typing", "head", "presence:join", "metadata:event", "phx_close"])
async def test_our_own_events_are_not_for_broadcasting_on_our_topics(event: str, world: World) -> None:
    world.room("a", "anna", "ben")
    async with client() as anna, client("ben") as ben:
        for one in (anna, ben):
            await one.joined("room:a")
        await anna.joined("open")
        reply = await anna.ask("room:a", "broadcast", broadcast(event))
        assert (reply["status"], reply["response"]["code"]) == ("error", "reserved_event")
        assert await ben.settled() == []
        await anna.push("room:a", "broadcast", broadcast("wave"))
        assert [frame.payload["event"] for frame in await ben.settled()] == ["wave"]


async def test_every_durable_event_is_reserved() -> None:
    from realtime.pushes import is_reserved

    assert "message:created" in registered_events()
    assert all(is_reserved(name) for name in registered_events())
    assert not is_reserved("cursor")


# --- across processes, and once for all ---------------------------------------------------------------


async def test_a_broadcast_is_published_for_the_other_processes(bus: LocalBus) -> None:
    published: list[tuple[str, bytes]] = []
    bus.deliver = lambda broker, channel, data: published.append((channel, data))
    async with client() as anna:
        await anna.joined("realtime:lobby")
        await anna.push("realtime:lobby", "broadcast", broadcast())
        await anna.raw(wire.encode_user_push(anna.join_refs["realtime:lobby"], "1", "realtime:lobby", "e", b"\n\x00"))
        await anna.settled()
    [(channel, text), (_, binary)] = published
    assert channel == TOPIC_CHANNEL.of(topic="lobby")
    frame = unpack("lobby", text).frame
    assert (frame.topic, frame.event, frame.offset, frame.payload) == ("lobby", "broadcast", None, broadcast())
    frame = unpack("lobby", binary).frame
    assert (frame.is_binary, frame.event, frame.body) == (True, "e", b"\n\x00")


def test_one_encoding_serves_all_who_read_alike() -> None:
    frame = Frame.of("a", "e", {"x": 1})
    variants = [Variant(Vsn.ARRAYS, "a", form) for form in BinaryForm]
    first = frame.encoded(variants[0])
    assert first is not None
    assert all(frame.encoded(variant) is first for variant in variants)
    assert first.framed is first.framed
    assert frame.encoded(Variant(Vsn.ARRAYS, "realtime:a", BinaryForm.NONE)) is not first
    assert frame.encoded(Variant(Vsn.OBJECTS, "a", BinaryForm.NONE)) is not first


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_websocket_frames_are_those_of_the_rfc(size: int) -> None:
    from websockets.client import ClientProtocol
    from websockets.frames import Frame as WebSocketFrame
    from websockets.frames import Opcode
    from websockets.protocol import State
    from websockets.uri import parse_uri

    for is_text, opcode in ((True, Opcode.TEXT), (False, Opcode.BINARY)):
        reader = ClientProtocol(parse_uri("ws://x/"), state=State.OPEN, max_size=None)
        reader.receive_data(websocket_frame(b"x" * size, is_text))
        assert reader.events_received() == [WebSocketFrame(opcode, b"x" * size)]


def test_encoded_for_asgi() -> None:
    assert Encoded("é".encode()).asgi() == {"type": "websocket.send", "text": "é"}
    assert Encoded(b"\xff", is_text=False).asgi() == {"type": "websocket.send", "bytes": b"\xff"}


# --- extensions --------------------------------------------------------------------------------------


class Echo(ChannelExtension):
    """Answers one event on any topic."""

    events = frozenset({"echo"})

    def __init__(self) -> None:
        self.journal: list[str] = []

    async def on_join(self, channel: Channel, payload: Payload) -> None:
        self.journal.append(f"join {channel.topic}")
        channel.push("echo_state", {"topic": channel.topic})

    async def on_push(self, channel: Channel, event: str, payload: Payload) -> Payload:
        return {"heard": payload}

    async def on_leave(self, channel: Channel) -> None:
        self.journal.append(f"leave {channel.topic}")


async def test_an_extension_works_on_every_topic(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "_extensions", [])
    echo = Echo()
    topics.register_extension(echo)
    world.room("a", "anna")
    async with client() as anna:
        for topic in ("room:a", "open"):
            await anna.joined(topic)
            [state] = await anna.expect("echo_state")
            assert state.payload == {"topic": topic}, "after the reply"
            assert (await anna.ask(topic, "echo", {"n": 1}))["response"] == {"heard": {"n": 1}}
        await anna.push("open", "phx_leave", {})
        await anna.settled()
        assert echo.journal == ["join room:a", "join open", "leave open"]
