"""What a client sees: joins, leaves, refs, heartbeats, replies and errors, in both dialects and both serializers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from realtime.hub import Hub
from realtime.stats import stats
from tests.realtime import fakes, wire
from tests.realtime.client import Client, Refused
from tests.realtime.fakes import EPOCH, World

pytestmark = pytest.mark.usefixtures("hub")

# Endpoint, vsn: how a client may speak.
WAYS = [
    ("/socket/websocket", "2.0.0"),
    ("/socket/websocket", "1.0.0"),
    ("/socket/websocket", None),
    ("/realtime/v1/websocket", "2.0.0"),
    ("/realtime/v1/websocket", "1.0.0"),
    ("/ws", "2.0.0"),
    ("/ws", "1.0.0"),
    ("/ws", None),
]


def client(name: str = "anna", **options: Any) -> Client:
    return Client(token=fakes.token(name), **options)


@pytest.mark.parametrize(("path", "vsn"), WAYS)
async def test_every_way_of_speaking(path: str, vsn: str | None, world: World) -> None:
    world.room("a", "anna", "ben")
    async with client(path=path, vsn=vsn) as anna, client("ben", path=path, vsn=vsn) as ben:
        response = await anna.joined("room:a")
        assert response["postgres_changes"] == []
        assert response["position"] == {"epoch": EPOCH, "offset": 0}
        await ben.joined("room:a")
        assert await anna.ask("room:a", "message:send", {"content": "hi"}) == {
            "status": "ok",
            "response": {"message": {"content": "hi"}},
        }
        await anna.push("room:a", "typing", {"on": True})
        [frame] = await ben.expect("typing")
        assert frame == (None, None, "room:a", "typing", {"user_id": fakes.user_id("anna"), "on": True})
        ref = await anna.push("room:a", f"{anna.dialect}leave", {})
        before, reply = await anna.frames_until(ref)
        assert [frame.event for frame in before] == [f"{anna.dialect}reply"], "the reply to typing"
        assert reply.event == f"{anna.dialect}reply"
        [close] = await anna.expect(f"{anna.dialect}close")
        assert close == (anna.join_refs["room:a"], anna.join_refs["room:a"], "room:a", f"{anna.dialect}close", {})


async def test_each_channel_keeps_its_dialect_on_one_socket(world: World) -> None:
    world.room("a", "anna")
    async with client() as anna:
        await anna.push("room:a", "chan:join", {}, ref="1", join_ref="1")
        await anna.push("open", "phx_join", {}, ref="2", join_ref="2")
        await anna.push("room:a", "message:send", {"content": "x"}, ref="3", join_ref="1")
        await anna.push("room:a", "phx_leave", {}, ref="4", join_ref="1")
        events = [(frame.ref, frame.event) for frame in await anna.settled()]
    assert events == [
        ("1", "chan:reply"),
        ("2", "phx_reply"),
        ("3", "chan:reply"),
        ("4", "chan:reply"),
        ("1", "chan:close"),
    ]


@pytest.mark.parametrize("ref", ["7", "007", "", " ", "你", "1e3", "x" * 300, 7, 0, -1])
async def test_refs_are_echoed_as_they_are(ref: Any, world: World) -> None:
    async with client(path="/ws") as anna:
        await anna.push("phoenix", "heartbeat", {}, ref=ref, join_ref=None)
        frame = await anna.receive()
        assert frame is not None
        assert (frame.ref, type(frame.ref)) == (ref, type(ref))


@pytest.mark.parametrize("topic", ["phoenix", "heartbeat", None])
async def test_heartbeats_before_any_join_and_without_a_ref(topic: str | None) -> None:
    async with Client(path="/ws") as guest:
        await guest.push(topic, "heartbeat", {}, ref=None, join_ref=None)
        frame = await guest.receive()
        assert frame == (None, None, topic, "chan:reply", {"status": "ok", "response": {"heads": {}}})


async def test_heartbeats_tell_up_to_where_each_stream_was_sent(hub: Hub, world: World) -> None:
    log, other = world.room("a", "anna"), world.room("b", "anna")
    log.commit(n=1)
    async with client() as anna:
        await anna.joined("room:a")
        await anna.joined("realtime:room:b")
        await anna.joined("open")
        hub.receive(log.commit(n=2))
        hub.receive(other.commit(n=1))
        reads = log.reads + other.reads
        answer = await anna.ask("phoenix", "heartbeat", {}, join_ref=None)
        assert answer["response"] == {"heads": {"room:a": 2, "room:b": 1}}
        assert log.reads + other.reads == reads


async def test_a_second_join_closes_the_first_and_delivers_once(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        first = anna.join_refs["room:a"]
        ref = anna.join_refs["room:a"] = "again"
        await anna.push("room:a", "phx_join", {}, ref=ref, join_ref=ref)
        before, reply = await anna.frames_until("again")
        assert [tuple(frame) for frame in before] == [(first, first, "room:a", "phx_close", {})]
        assert reply.join_ref == "again"
        assert reply.payload["status"] == "ok"
        hub.receive(log.commit(n=1))
        assert [frame.event for frame in await anna.settled()] == ["message:created"]
        # What is said to the first join is heard by nobody.
        await anna.push("room:a", "message:send", {"content": "stale"}, join_ref=first)
        await anna.push("room:a", "phx_leave", {}, join_ref=first)
        assert await anna.settled() == []
        assert "send stale" not in world.journal
        assert (await anna.ask("room:a", "message:send", {"content": "x"}, join_ref=None))["status"] == "ok"


async def test_leaving_what_was_not_joined_is_fine_and_any_other_push_is_not() -> None:
    async with client() as anna:
        assert await anna.ask("room:a", "phx_leave", {}) == {"status": "ok", "response": {}}
        for event in ("message:send", "broadcast", "access_token", "anything"):
            reply = await anna.ask("room:a", event, {})
            assert reply["status"] == "error"
            assert reply["response"]["reason"] == "unmatched topic"


async def test_after_leaving_nothing_more_comes(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        await anna.push("room:a", "phx_leave", {})
        await anna.settled()
        hub.receive(log.commit(n=1))
        assert await anna.settled() == []
        assert (await anna.ask("room:a", "message:send", {}))["response"]["reason"] == "unmatched topic"
        await anna.joined("room:a")


async def test_pushes_of_one_socket_are_handled_strictly_in_order(world: World) -> None:
    world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        world.journal.clear()
        for n in range(6):
            await anna.push("room:a", "slow", {"n": n}, ref=str(n))
        await anna.push("phoenix", "heartbeat", {}, ref="last", join_ref=None)
        refs = [frame.ref for frame in [await anna.receive() for _ in range(7)] if frame is not None]
    assert refs == ["0", "1", "2", "3", "4", "5", "last"]
    assert world.journal[:12] == [f"{what} {n}" for n in range(6) for what in ("begin", "end")]


@pytest.mark.parametrize(
    ("topic", "payload", "code", "name"),
    [
        ("room:nobodys", {}, "not_found", "Unauthorized"),
        ("room:other", {}, "not_found", "Unauthorized"),
        ("room:", {}, "not_found", "Unauthorized"),
        ("user:somebody", {}, "permission_denied", "Unauthorized"),
        ("", {}, "invalid", "TopicNameRequired"),
        ("realtime:", {}, "invalid", "TopicNameRequired"),
        ("x" * 256, {}, "invalid", "InvalidJoinPayload"),
        ("é" * 128, {}, "invalid", "InvalidJoinPayload"),
        ("open", [], "invalid", "InvalidJoinPayload"),
        ("open", None, "invalid", "InvalidJoinPayload"),
        ("open", {"config": "yes"}, "invalid", "InvalidJoinPayload"),
        ("open", {"config": {"broadcast": []}}, "invalid", "InvalidJoinPayload"),
        ("open", {"config": {"broadcast": {"ack": "maybe"}}}, "invalid", "InvalidJoinPayload"),
        ("open", {"config": {"presence": 1}}, "invalid", "InvalidJoinPayload"),
        ("open", {"config": {"private": 7}}, "invalid", "InvalidJoinPayload"),
        ("open", {"config": {"recover": {"epoch": "e"}}}, "invalid", "InvalidJoinPayload"),
        ("open", {"config": {"recover": {"epoch": "e", "offset": -1}}}, "invalid", "InvalidJoinPayload"),
        ("open", {"config": {"recover": {"epoch": "e", "offset": True}}}, "invalid", "InvalidJoinPayload"),
        ("open", {"config": {"recover": {"epoch": "e" * 99, "offset": 1}}}, "invalid", "InvalidJoinPayload"),
        ("open", {"config": {"postgres_changes": [{"event": "*"}]}}, "invalid", "InvalidJoinPayload"),
        ("open", {"access_token": 5}, "invalid", "InvalidJoinPayload"),
        ("open", {"access_token": "nonsense"}, "authentication_failed", "MalformedJWT"),
        ("open", {"access_token": "anna.1.1"}, "authentication_failed", "InvalidJWTToken"),
        ("open", {"x": "y" * 110_000}, "payload_too_large", "PayloadTooLarge"),
    ],
)
async def test_refused_joins(topic: str, payload: Any, code: str, name: str, world: World) -> None:
    world.room("other", "ben")
    async with client() as anna:
        ref = await anna.push(topic, "phx_join", payload, join_ref="j")
        _, reply = await anna.frames_until(ref)
        assert reply.payload["status"] == "error"
        assert reply.payload["response"]["code"] == code
        assert reply.payload["response"]["reason"].startswith(f"{name}: "), reply
        assert len(reply.payload["response"]["reason"]) > len(name) + 10
        # The socket goes on as if nothing had been.
        await anna.joined("open")


async def test_booleans_may_be_text_and_an_empty_join_is_fine() -> None:
    async with client() as anna, client("ben") as ben:
        await anna.joined("open", {"broadcast": {"self": "true", "ack": "false"}, "private": "true"})
        await ben.joined("open")
        await anna.push("open", "broadcast", {"type": "broadcast", "event": "e", "payload": {}})
        assert [frame.event for frame in await anna.settled()] == ["broadcast"]
        assert [frame.event for frame in await ben.settled()] == ["broadcast"]


async def test_topics_of_a_socket_are_limited(settings: Settings) -> None:
    settings.MAX_TOPICS_PER_SOCKET = 3
    async with client() as anna:
        for number in range(3):
            await anna.joined(f"open-{number}")
        refused = await anna.join("open-3")
        assert refused["response"]["reason"].startswith("ChannelRateLimitReached: ")
        await anna.joined("open-0")  # joined anew, not one more


@pytest.mark.parametrize("payload", [[], "text", 5, None, True])
async def test_payloads_of_handlers_are_objects(payload: Any, world: World) -> None:
    world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        reply = await anna.ask("room:a", "message:send", payload)
        assert reply == {"status": "error", "response": {"code": "invalid", "reason": "The payload must be an object."}}


async def test_unknown_events_and_our_own_mistakes_are_errors_that_tell_nothing(world: World) -> None:
    world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        for event in ("unheard", "phx_reply", "chan:close", "phx_error", "presence"):
            reply = await anna.ask("room:a", event, {})
            assert (reply["status"], reply["response"]["code"]) == ("error", "invalid")
        failed = await anna.ask("room:a", "break", {})
        assert failed["response"]["code"] == "error"
        assert "secret" not in str(failed)
        assert (await anna.ask("room:a", "message:send", {}))["status"] == "ok"


async def test_without_a_ref_there_is_no_reply(world: World) -> None:
    world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        await anna.push("room:a", "message:send", {"content": "quiet"}, ref=None)
        await anna.push("room:a", "break", {}, ref=None)
        assert await anna.settled() == []
        assert "send quiet" in world.journal


@pytest.mark.parametrize(
    "data",
    [
        *("", "hello", "{}", "[]", '["1","1","a"]', '["1",[],"a","b",{}]', "\x00"),
        *('["1","1","a","b",{"x":"\\ud800"}]', "[" * 5000),
        *(b"", b"\x00", b"\x07abc", b"\xff" * 40, bytes(60)),
    ],
)
async def test_what_is_no_frame_ends_the_socket_with_a_reason(data: str | bytes) -> None:
    async with client() as anna:
        await anna.joined("open")
        await anna.raw(data)
        frames, code = await anna.closing()
        assert code == 4503
        assert anna.reason
        [told] = frames
        assert (told.event, told.payload["status"], told.payload["extension"]) == ("system", "error", "system")
        assert anna.reason in told.payload["message"]
    assert stats.broken_frames == 1
    assert stats.sockets == 0


async def test_binary_needs_the_second_serializer() -> None:
    async with client(vsn="1.0.0") as anna:
        await anna.raw(wire.encode_push("1", "2", "open", "e", b"x"))
        assert (await anna.closing())[1] == 4503


async def test_a_frame_past_the_limit_is_too_big(settings: Settings) -> None:
    async with client() as anna:
        await anna.raw('["1","1","a","phx_join",{"x":"' + "y" * settings.MAX_FRAME_BYTES + '"}]')
        assert (await anna.closing())[1] == 1009
        assert str(settings.MAX_FRAME_BYTES) in anna.reason


@pytest.mark.parametrize("vsn", ["3.0.0", "1", "2.1.0", "latest", ""])
async def test_other_serializers_are_refused(vsn: str) -> None:
    with pytest.raises(Refused, match="400"):
        await client(vsn=None, query={"vsn": vsn or "0"}).connect()


async def test_unknown_paths_are_refused() -> None:
    with pytest.raises(Refused):
        await client(path="/socket").connect()


async def test_handlers_are_told_of_every_end(hub: Hub, world: World) -> None:
    world.room("a", "anna")
    for end in ("leave", "join again", "lost"):
        world.journal.clear()
        anna = await client().connect()
        await anna.joined("room:a")
        if end == "leave":
            await anna.push("room:a", "phx_leave", {})
        elif end == "join again":
            await anna.joined("room:a")
        await anna.settled()
        await anna.disconnect()
        await asyncio.sleep(0)
        assert world.journal.count("leave room:a") == world.journal.count("authorize room:a")
    assert len(hub.sessions) == stats.sockets == 0
