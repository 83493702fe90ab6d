"""Whatever a client says: every question has one answer, the socket outlives it, and the hub is left clean."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime import runtime
from realtime.broker import LocalBroker
from realtime.dialects import CONTROL_EVENTS
from realtime.hub import Hub
from tests.realtime import fakes, wire
from tests.realtime.client import Client
from tests.realtime.fakes import World

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
topics = st.sampled_from(
    ["room:a", "room:b", "realtime:room:a", "open", "realtime:open", "", "room:", "user:", "phoenix"]
)
events = st.sampled_from(
    sorted({*CONTROL_EVENTS, "broadcast", "message:send", "typing", "slow", "break", "message:created", "x"})
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
payloads = values | st.fixed_dictionaries(
    {},
    optional={
        "config": values
        | st.fixed_dictionaries(
            {},
            optional={
                "broadcast": values | st.just({"self": True, "ack": True}),
                "recover": values | st.builds(lambda n: {"epoch": fakes.EPOCH, "offset": n}, st.integers(-1, 9)),
                "private": values,
            },
        ),
        "event": values,
        "payload": values,
        "content": values,
        "access_token": values | st.just(fakes.token("anna")) | st.just(fakes.token("ben")),
        "n": values,
    },
)
refs = st.none() | st.sampled_from(["1", "2", "", 3])
frames = st.tuples(
    st.sampled_from(["text", "text", "push", "user push", "commit"]), refs, topics | text, events, payloads
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(frames, max_size=25), st.booleans())
def test_any_conversation(world: World, said: list[Any], signed_in: bool) -> None:
    asyncio.run(_converse(world, said, signed_in))


async def _converse(world: World, said: list[Any], signed_in: bool) -> None:
    log = world.room("a", "anna")
    world.room("b", "ben")
    hub = Hub(LocalBroker(), "here")
    await hub.start()
    runtime._hub = hub
    try:
        async with Client(token=fakes.token("anna") if signed_in else None) as anna:
            asked = 0
            for number, (how, join_ref, topic, event, payload) in enumerate(said):
                ref = f"q{number}"
                if how == "commit":
                    hub.receive(log.commit(n=number))
                    continue
                if how == "text":
                    await anna.push(topic, event, payload, ref=ref, join_ref=join_ref)
                elif how == "push":
                    await anna.raw(wire.encode_push(str(join_ref or ""), ref, topic, event, repr(payload).encode()))
                else:
                    await anna.raw(wire.encode_user_push(str(join_ref or ""), ref, topic, event, payload))
                asked += 1
            heard = await anna.settled()
            answers = [frame.ref for frame in heard if frame.event in ("phx_reply", "chan:reply")]
            assert len(answers) == len(set(answers)), "no question is answered twice"
            assert len(answers) <= asked
            assert all(frame.payload is not None for frame in heard)
            offsets: dict[str, int] = {}
            for frame in heard:
                if frame.event in ("phx_reply", "chan:reply") and "position" in frame.payload["response"]:
                    offsets.pop(frame.topic, None)
                elif frame.event == "message:created":
                    before = offsets.setdefault(frame.topic, frame.payload["offset"] - 1)
                    assert frame.payload["offset"] == before + 1, "in order, whole, once"
                    offsets[frame.topic] = frame.payload["offset"]
        assert len(hub.sessions) == 0
        assert all(not live.channels for live in hub.topics())
        assert not any(live._catching for live in hub.topics())
        assert hub.follows.streams() == []
    finally:
        runtime._hub = None
        await hub.stop()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40) | st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=8))
def test_noise(world: World, said: list[str | bytes]) -> None:
    asyncio.run(_make_noise(said))


async def _make_noise(said: list[str | bytes]) -> None:
    hub = Hub(LocalBroker(), "here")
    await hub.start()
    runtime._hub = hub
    try:
        async with Client(token=fakes.token("anna")) as anna, Client(token=fakes.token("ben")) as ben:
            for data in said:
                await anna.raw(data)
            if said:
                frames, code = await anna.closing()
                assert code == 4503
                assert [frame.event for frame in frames] == ["system"]
            assert await ben.settled() == []
    finally:
        runtime._hub = None
        await hub.stop()
