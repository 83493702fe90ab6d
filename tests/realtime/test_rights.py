"""Who was removed gets nothing more, however the news travels; who follows rooms hears where they stand."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from realtime import control
from realtime.broker import LocalBus
from realtime.hub import Hub
from tests.realtime import fakes
from tests.realtime.client import Client
from tests.realtime.fakes import EPOCH, World


def client(name: str = "anna", **options: Any) -> Client:
    return Client(token=fakes.token(name), **options)


def remove(world: World, topic: str, name: str) -> None:
    world.members[topic].discard(fakes.user_id(name))


def events(frames: list[Any]) -> list[str]:
    return [frame.event for frame in frames]


async def test_nothing_past_the_change_that_removed_somebody(hub: Hub, world: World) -> None:
    log = world.room("a", "anna", "ben")
    async with client() as anna, client("ben") as ben:
        for one in (anna, ben):
            await one.joined("room:a")
        hub.receive(log.commit(n=1))
        remove(world, "room:a", "ben")
        left = log.commit("member:left", user_id=fakes.user_id("ben"))
        secret = log.commit(n=2, text="secret")
        # No order came, and the frames come in the wrong order.
        hub.receive(secret)
        hub.receive(left)
        await ben.expect("message:created")
        [closed] = await ben.expect("phx_close")
        assert closed.payload["code"] == "not_found"
        assert await ben.settled() == []
        assert (await ben.ask("room:a", "message:send", {}))["response"]["reason"] == "unmatched topic"
        assert (await ben.join("room:a"))["status"] == "error"
        assert events(await anna.settled()) == ["message:created", "member:left", "message:created"]


async def test_removed_and_added_again_loses_nothing(hub: Hub, world: World) -> None:
    log = world.room("a", "anna", "ben")
    async with client("ben") as ben:
        await ben.joined("room:a")
        left = log.commit("member:left", user_id=fakes.user_id("ben"))
        back = log.commit("member:joined", user_id=fakes.user_id("ben"))
        for frame in (left, back, log.commit(n=3)):
            hub.receive(frame)
        await ben.expect("member:left")
        await ben.expect("member:joined")
        await ben.expect("message:created")
        assert await ben.settled() == []


@pytest.mark.parametrize("source", ["here", "elsewhere"])
async def test_an_order_puts_those_out_who_have_lost_the_right(
    source: str, hub: Hub, world: World, bus: LocalBus
) -> None:
    from realtime.orders import Order

    log = world.room("a", "anna", "ben")
    async with client() as anna, client("ben") as ben, client("ben") as phone:
        for one in (anna, ben, phone):
            await one.joined("room:a")
        await ben.joined("open")
        remove(world, "room:a", "ben")
        if source == "here":
            control.end_topic(UUID(fakes.user_id("ben")), "room:a")
        else:
            bus.publish("parley:control", Order("recheck", user_id=fakes.user_id("ben"), topic="room:a").pack("other"))
        for one in (ben, phone):
            await one.expect("phx_close")
        hub.receive(log.commit(n=1))
        assert await phone.settled() == []
        assert events(await anna.settled()) == ["message:created"]
        await ben.joined("open-2")


async def test_an_order_for_everybody_spares_who_may_stay(hub: Hub, world: World) -> None:
    log = world.room("a", "anna", "ben")
    async with client() as anna, client("ben") as ben:
        for one in (anna, ben):
            await one.joined("room:a")
        remove(world, "room:a", "ben")
        control.end_topic(None, "room:a")
        control.end_topic(None, "room:unknown")
        await ben.expect("phx_close")
        hub.receive(log.commit(n=1))
        await anna.expect("message:created")


async def test_removed_between_the_judgement_and_the_answer(hub: Hub, world: World) -> None:
    world.room("a", "anna")
    world.gate = asyncio.Event()
    async with client() as anna:
        joining = asyncio.create_task(anna.join("room:a"))
        while not world.journal:
            await asyncio.sleep(0)
        # The database said yes; then she was removed; only then is she answered.
        remove(world, "room:a", "anna")
        control.end_topic(UUID(fakes.user_id("anna")), "room:a")
        await asyncio.sleep(0)
        world.gate.set()
        assert (await joining)["status"] == "error"
        assert world.journal.count("authorize room:a") == 2


async def test_removed_while_catching_up(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    for n in range(300):
        log.commit(n=n, text="x" * 4000)
    async with client() as anna:
        anna.reads.clear()
        joining = asyncio.create_task(anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 0}}))
        async with asyncio.timeout(5):
            while log.reads < 2:
                await asyncio.sleep(0.002)
        remove(world, "room:a", "anna")
        control.end_topic(UUID(fakes.user_id("anna")), "room:a")
        await asyncio.sleep(0.02)
        reads = log.reads
        anna.reads.set()
        await joining
        frames = await anna.settled()
        assert frames[-1].event == "phx_close"
        assert len(frames) < 300
        assert log.reads == reads


async def test_the_database_away_while_judging_means_join_anew(hub: Hub, world: World, monkeypatch: Any) -> None:
    world.room("a", "anna")
    async with client() as anna:
        await anna.joined("room:a")

        async def fail(self: object, channel: object) -> None:
            raise OSError("no database")

        with monkeypatch.context() as patch:
            patch.setattr(fakes.RoomTopic, "authorize", fail)
            control.end_topic(None, "room:a")
            await anna.expect("phx_error")
        await anna.joined("room:a")


# --- following --------------------------------------------------------------------------------


async def test_heads_of_all_rooms_without_joining_them(hub: Hub, world: World) -> None:
    person = f"user:{fakes.user_id('anna')}"
    world.person("anna")
    rooms = [world.room(name, "anna") for name in ("a", "b", "c")]
    world.room("foreign", "ben")
    async with client() as anna:
        assert (await anna.joined(person))["rooms"] == 3
        await anna.joined("room:c")
        for log in (*rooms, world.logs["room:foreign"]):
            for n in range(5):
                frame = log.commit(n=n)
                name = log.topic.removeprefix("room:")
                hub.take_commit([frame], [(log.topic, log.head, {"room_id": name, "seq": log.head})])
        changes = await anna.expect("message:created", 5)
        assert {frame.topic for frame in changes} == {"room:c"}
        heads = await anna.expect("head", 2)
        assert {frame.topic for frame in heads} == {person}
        assert sorted((head.payload for head in heads), key=str) == [
            {"room_id": name, "seq": 5, "room_offset": 5} for name in ("a", "b")
        ], "one for each room, however much happened, and none for one that is joined"
        await asyncio.sleep(0.15)
        assert await anna.settled() == []


async def test_a_head_keeps_what_a_later_change_does_not_tell(hub: Hub, world: World) -> None:
    world.person("anna")
    log = world.room("a", "anna")
    log.commit(n=1)
    async with client() as anna:
        await anna.joined(f"user:{fakes.user_id('anna')}")
        log.commit("message:edited")
        hub.take_commit([], [("room:a", 2, {"room_id": "a"})])
        hub.take_commit([], [("room:a", 1, {"room_id": "a", "seq": 99})])
        [head] = await anna.expect("head")
        assert head.payload == {"room_id": "a", "seq": 1, "room_offset": 2}


async def test_rooms_that_come_are_followed_and_those_that_go_are_not(hub: Hub, world: World) -> None:
    own = world.person("anna")
    log = world.room("new")
    log.commit(n=1)
    async with client() as anna:
        await anna.joined(own.topic)
        world.members["room:new"].add(fakes.user_id("anna"))
        hub.receive(own.commit("room:added", room_id="new"))
        await anna.expect("room:added")
        [head] = await anna.expect("head")
        assert head.payload == {"room_id": "new", "seq": 1, "room_offset": 1}
        log.commit(n=2)
        hub.take_commit([], [("room:new", 2, {"room_id": "new", "seq": 2})])
        assert (await anna.expect("head"))[0].payload["room_offset"] == 2
        hub.receive(own.commit("room:removed", room_id="new"))
        await anna.expect("room:removed")
        hub.take_commit([], [("room:new", 3, {"room_id": "new", "seq": 3})])
        await asyncio.sleep(0.15)
        assert await anna.settled() == []
        assert hub.follows.streams() == []


async def test_the_sweep_moves_heads_that_nobody_told(hub: Hub, world: World) -> None:
    own = world.person("anna")
    log = world.room("a", "anna")
    async with client() as anna:
        await anna.joined(own.topic)
        log.commit(n=1)
        await hub.sweeper.sweep()
        [head] = await anna.expect("head")
        assert head.payload == {"room_id": "a", "seq": 1, "room_offset": 1}
        own.commit("notification:created")
        await hub.sweeper.sweep()
        await anna.expect("notification:created")


async def test_whoever_leaves_follows_nothing(hub: Hub, world: World) -> None:
    own = world.person("anna")
    world.room("a", "anna")
    async with client() as anna, client() as second:
        for one in (anna, second):
            await one.joined(own.topic)
        await anna.push(own.topic, "phx_leave", {})
        await anna.settled()
        assert hub.follows.streams() == ["room:a"]
    assert hub.follows.streams() == []
