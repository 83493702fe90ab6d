"""Streams through a hub: in order, whole and once, whatever the broker does; recovery without a seam."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.cache_keys import COMMIT_CHANNEL, TOPIC_CHANNEL
from realtime import hub as hub_module
from realtime import sweep
from realtime.broker import LocalBroker, LocalBus
from realtime.envelope import pack
from realtime.frames import Frame
from realtime.hub import Hub
from realtime.stats import stats
from tests.realtime.client import Client
from tests.realtime.fakes import EPOCH, World
from tests.realtime.streams import client, gather, offsets, until

# --- order --------------------------------------------------------------------------------


async def test_frames_that_overtake_each_other_wait_for_each_other(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        frames = [log.commit(n=n) for n in range(5)]
        for index in (1, 0, 0, 4, 2, 1, 3, 3):
            hub.receive(frames[index])
        assert await offsets(anna) == [1, 2, 3, 4, 5]
        assert log.reads == 0
        assert stats.duplicates == 3


async def test_a_lost_frame_is_read_from_the_log_after_a_moment(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        log.commit(n=1)
        log.commit(n=2)
        began = asyncio.get_running_loop().time()
        hub.receive(log.commit(n=3))
        assert await offsets(anna) == []
        assert await gather(anna, 3) == [1, 2, 3]
        assert 0.03 < asyncio.get_running_loop().time() - began < 1
        assert stats.holes_filled == 2
        live = hub.topic("room:a")
        assert live is not None
        await until(lambda: live.filling is None)
        assert log.reads == 1


async def test_erased_changes_leave_no_hole(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        for n in range(250):
            log.commit(n=n)
        log.erased = set(range(1, 240))
        hub.receive(log.frame(250))
        assert await gather(anna, 11) == list(range(240, 251))


async def test_the_log_away_for_a_while_loses_nothing(hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "_RETRY_SECONDS", 0.02)
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        log.broken = True
        log.commit(n=1)
        hub.receive(log.commit(n=2))
        await asyncio.sleep(0.1)
        assert await offsets(anna) == []
        log.broken = False
        assert await gather(anna, 2) == [1, 2]


async def test_a_position_that_the_log_lost_makes_everybody_join_anew(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        for n in range(5):
            log.commit(n=n)
        log.floor = 4
        hub.receive(log.frame(5))
        [error] = await anna.expect("phx_error")
        assert error.ref == error.join_ref == anna.join_refs["room:a"]
        assert error.payload["reason"] == "position_lost"
        assert (await anna.joined("room:a"))["position"] == {"epoch": EPOCH, "offset": 5}


async def test_another_epoch_makes_everybody_join_anew(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    log.commit(n=1)
    async with client() as anna:
        await anna.joined("room:a")
        log.epoch = "another"
        log.events.clear()
        hub.receive(log.commit(n=1))
        await anna.expect("phx_error")
        answer = await anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 1}})
        assert answer["recovered"] is False
        assert answer["reason"] == "position_lost"
        assert answer["position"] == {"epoch": "another", "offset": 1}


# --- the broker -----------------------------------------------------------------------------


async def test_what_others_commit_comes_by_the_broker_and_ones_own_words_do_not_come_twice(
    hub: Hub, world: World, bus: LocalBus
) -> None:
    log = world.room("a", "anna")
    channel = TOPIC_CHANNEL.of(topic="room:a")
    async with client() as anna:
        await anna.joined("room:a")
        own = log.commit(n=1)
        hub.receive(own)
        bus.publish(channel, pack(own, hub.instance))
        log.commit(n=2)
        bus.publish(channel, log.envelope(2))
        bus.publish(channel, b"what is this")
        bus.publish(channel, b"[1,2]\n{}")
        assert await gather(anna, 2) == [1, 2]
        hub.publish(Frame.of("room:a", "typing", {"on": True}))
        assert [frame.event for frame in await anna.settled()] == ["typing"]
        assert stats.duplicates == 0


async def test_a_topic_is_subscribed_to_once_and_given_up_when_nobody_is_there(
    hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "LINGER_SECONDS", 0.05)
    world.room("a", "anna", "ben")
    broker = hub.broker
    assert isinstance(broker, LocalBroker)
    channel = TOPIC_CHANNEL.of(topic="room:a")
    async with client() as anna, client("ben") as ben:
        await asyncio.gather(anna.joined("room:a"), ben.joined("room:a"))
        assert channel in broker._channels
        await anna.ask("room:a", "phx_leave", {})
        await ben.ask("room:a", "phx_leave", {})
        assert hub.topic("room:a") is not None, "a page that is reloaded finds it warm"
        await until(lambda: hub.topic("room:a") is None)
        assert channel not in broker._channels
        assert stats.topics == 0


async def test_whoever_is_refused_leaves_no_topic_behind(hub: Hub, world: World) -> None:
    world.room("a", "ben")
    async with client() as anna:
        assert (await anna.join("room:a"))["status"] == "error"
    assert hub.topics() == []


async def test_a_notice_of_a_commit_whose_frame_was_lost_is_enough(hub: Hub, world: World, bus: LocalBus) -> None:
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        log.commit(n=1)
        bus.publish(COMMIT_CHANNEL, b'["elsewhere",[["room:a",1,null]]]')
        assert await gather(anna, 1) == [1]


async def test_the_sweep_finds_what_nobody_told(hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")
        log.commit(n=1)
        await hub.sweeper.sweep()
        assert await gather(anna, 1) == [1]


async def test_the_broker_away_and_back(hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "SWEEP_SECONDS_WITHOUT_BROKER", 0.05)
    log, broker = world.room("a", "anna"), hub.broker
    assert isinstance(broker, LocalBroker)
    async with client() as anna:
        await anna.joined("room:a")
        broker.set_up(False)
        log.commit(n=1)
        broker.set_up(True)
        assert await gather(anna, 1) == [1], "looked for at once when it is back"
        broker.set_up(False)
        hub.sweeper.hurry()
        await asyncio.sleep(0.01)
        log.commit(n=2)
        assert await gather(anna, 1) == [2], "and while it is away"


LOST, DOUBLED, LATE, FINE = "lost", "doubled", "late", "fine"


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=st.lists(st.sampled_from([LOST, DOUBLED, LATE, FINE]), min_size=1, max_size=25),
    seed=st.integers(0, 2**32),
    rejoin=st.none() | st.integers(0, 24),
)
def test_two_processes_and_a_bad_network(world: World, fates: list[str], seed: int, rejoin: int | None) -> None:
    """Each of two hubs commits in turn; what the other hears is lost, doubled and late. Both readers see all."""
    asyncio.run(_two_processes(world, fates, random.Random(seed), rejoin))


async def _two_processes(world: World, fates: list[str], chance: random.Random, rejoin: int | None) -> None:
    from realtime import runtime

    log = world.room("a", "anna")
    bus = LocalBus()
    hubs = [Hub(LocalBroker(bus), name) for name in ("one", "two")]
    clients = []
    loop = asyncio.get_running_loop()
    fate = FINE

    def deliver(broker: LocalBroker, channel: str, data: bytes) -> None:
        for _ in range({LOST: 0, DOUBLED: 2}.get(fate, 1)):
            loop.call_later(chance.uniform(0, 0.004) if fate == LATE else 0, broker.hear, channel, data)

    bus.deliver = deliver
    channel = TOPIC_CHANNEL.of(topic="room:a")
    try:
        for hub in hubs:
            await hub.start()
            runtime._hub = hub
            anna = await client().connect()
            await anna.joined("room:a")
            clients.append(anna)
        got: list[list[int]] = [[], []]
        for number, fate in enumerate(fates):  # noqa: B007 - ``deliver`` reads it
            hub = hubs[chance.randrange(2)]
            frame = log.commit(n=number)
            hub.receive(frame)
            hub.broker.publish(channel, pack(frame, hub.instance))
            if chance.random() < 0.5:
                await asyncio.sleep(0)
            if number == rejoin:
                # Comes back from where it stood, in the middle of it all.
                got[0] += await offsets(clients[0])
                position = {"epoch": EPOCH, "offset": got[0][-1] if got[0] else 0}
                answer = await clients[0].joined("room:a", {"recover": position})
                assert answer["recovered"] is True
                await _old_join_over(clients[0])
        for hub in hubs:
            await hub.sweeper.sweep()
        for index in (0, 1):
            while len(got[index]) < log.head:
                got[index] += await gather(clients[index], 1)
            got[index] += await offsets(clients[index])
        assert got == [list(range(1, log.head + 1))] * 2
    finally:
        runtime._hub = None
        for anna in clients:
            await anna.disconnect()
        for hub in hubs:
            await hub.stop()


async def _old_join_over(anna: Client) -> None:
    """What the old join still got lies past the position that the new one began at, and comes again."""
    while (frame := await anna.receive()) is not None and frame.event != "phx_close":
        pass
