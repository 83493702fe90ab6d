"""Recovery by position: what was missed, then what is new, without a seam."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings

from core.cache import run_in_thread
from realtime import recovery
from realtime.hub import Hub
from realtime.stats import stats
from tests.realtime.fakes import EPOCH, Log, World
from tests.realtime.streams import client, gather, offsets, until


@pytest.mark.parametrize("missed", [0, 1, 19, 20, 21, 230])
async def test_what_was_missed_follows_the_reply_and_then_what_is_new(hub: Hub, world: World, missed: int) -> None:
    log = world.room("a", "anna")
    for n in range(3 + missed):
        log.commit(n=n)
    async with client() as anna:
        answer = await anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 3}})
        assert answer["recovered"] is True
        assert answer["position"] == {"epoch": EPOCH, "offset": 3 + missed}
        hub.receive(log.commit(n=99))
        assert await gather(anna, missed + 1) == list(range(4, missed + 5))
        assert await anna.settled() == []
        assert stats.recovered == (1 if missed else 0)


@pytest.mark.parametrize(
    "recover",
    [{"epoch": "other", "offset": 5}, {"epoch": EPOCH, "offset": 6}, {"epoch": EPOCH, "offset": 1}],
    ids=["epoch", "past the head", "compacted"],
)
async def test_positions_that_are_lost(recover: dict[str, Any], hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    for n in range(5):
        log.commit(n=n)
    log.floor = 2
    async with client() as anna:
        answer = await anna.joined("room:a", {"recover": recover})
        assert (answer["recovered"], answer["reason"]) == (False, "position_lost")
        assert answer["position"] == {"epoch": EPOCH, "offset": 5}
        hub.receive(log.commit(n=6))
        assert await offsets(anna) == [6]
    assert stats.positions_lost == 1


async def test_too_much_missed_is_a_lost_position(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    for n in range(11):
        log.commit(n=n)
    with override_settings(MAX_RECOVERED_CHANGES=10):
        async with client() as anna:
            assert (await anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 0}}))["recovered"] is False
            assert (await anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 1}}))["recovered"] is True


class _Gate:
    """Holds reads of the log in their thread until the test has done what it wants to do meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, held: int = 1) -> None:
        """``held``: which read is held."""
        self.reads = 0
        self.held = held
        self.waiting = asyncio.Event()
        self.go = asyncio.Event()
        self._read = run_in_thread
        monkeypatch.setattr(recovery, "run_in_thread", self._held)

    async def _held(self, call: Callable[..., Any], *arguments: Any) -> Any:
        result = await self._read(call, *arguments)
        self.reads += 1
        if self.reads == self.held:
            self.waiting.set()
            await self.go.wait()
        return result


@pytest.mark.parametrize("delivered", ["before the reply", "while the rest is read", "not at all"])
async def test_a_commit_between_subscribing_and_reading(
    delivered: str, hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = world.room("a", "anna", "ben")
    for n in range(60):
        log.commit(n=n)
    async with client() as anna, client("ben") as ben:
        await ben.joined("room:a")
        gate = _Gate(monkeypatch)
        joining = asyncio.create_task(anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 10}}))
        await gate.waiting.wait()
        first = log.commit(n=61)
        if delivered == "before the reply":
            hub.receive(first)
        gate.go.set()
        answer = await joining
        assert answer["recovered"] is True
        if delivered == "while the rest is read":
            hub.receive(first)
        hub.receive(log.commit(n=62))
        assert await gather(anna, 52) == list(range(11, 63))
        assert await anna.settled() == []
        assert await gather(ben, 2) == [61, 62]


async def test_a_commit_while_the_last_page_is_under_way(
    hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = world.room("a", "anna")
    for n in range(60):
        log.commit(n=n)
    async with client() as anna:
        gate = _Gate(monkeypatch, held=2)
        joining = asyncio.create_task(anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 10}}))
        await gate.waiting.wait()
        # The page that is under way ends before these, which nobody is sent twice.
        for n in (61, 62):
            hub.receive(log.commit(n=n))
        gate.go.set()
        assert (await joining)["position"]["offset"] == 60
        hub.receive(log.commit(n=63))
        assert await gather(anna, 53) == list(range(11, 64))
        assert await anna.settled() == []
        assert log.reads == 2, "the seam needs no further read"


@pytest.mark.parametrize("erased", [range(15, 31), range(20, 240), range(200, 251), range(11, 251)])
async def test_recovery_over_what_was_erased(erased: range, hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    for n in range(250):
        log.commit(n=n)
    log.erased = set(erased)
    async with client() as anna:
        answer = await anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 10}})
        assert answer["recovered"] is True
        hub.receive(log.commit(n=251))
        left = [offset for offset in range(11, 252) if offset not in log.erased]
        assert await gather(anna, len(left)) == left
        assert await anna.settled() == []
        heads = (await anna.ask("phoenix", "heartbeat", {}, join_ref=None))["response"]["heads"]
        assert heads == {"room:a": 251}


async def test_a_client_that_knows_more_than_the_hub_gets_nothing_twice(hub: Hub, world: World) -> None:
    log = world.room("a", "anna", "ben")
    async with client() as anna, client("ben") as ben:
        await ben.joined("room:a")
        frames = [log.commit(n=n) for n in range(4)]
        # By REST she has seen three of them already; here none has arrived yet.
        answer = await anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 3}})
        assert answer == {"postgres_changes": [], "recovered": True, "position": {"epoch": EPOCH, "offset": 4}} | {
            "position": {"epoch": EPOCH, "offset": 3}
        }
        heads = (await anna.ask("phoenix", "heartbeat", {}, join_ref=None))["response"]["heads"]
        for frame in frames:
            hub.receive(frame)
        got = await gather(anna, 1)
        assert got == [4]
        assert heads["room:a"] in (3, 4)
        assert await anna.settled() == []
        assert await gather(ben, 4) == [1, 2, 3, 4]


async def test_a_reader_who_falls_asleep_while_recovering_costs_little(
    hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = world.room("a", "anna", "ben")
    for n in range(400):
        log.commit(n=n, text="x" * 5000)
    async with client() as anna, client("ben") as ben:
        await ben.joined("room:a")
        anna.reads.clear()
        joining = asyncio.create_task(anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 0}}))
        await until(lambda: log.reads >= 2)
        await asyncio.sleep(0.05)
        assert log.reads <= 4, "pages are read as the client takes them"
        hub.receive(log.commit(n=400))
        assert await gather(ben, 1) == [401]
        anna.reads.set()
        await joining
        assert await gather(anna, 401) == list(range(1, 402))


async def test_joining_while_a_burst_is_going_on(hub: Hub, world: World) -> None:
    log = world.room("a", "anna")
    for n in range(30):
        log.commit(n=n)

    async def burst(log: Log) -> None:
        for n in range(300):
            hub.receive(log.commit(n=n))
            if n % 7 == 0:
                await asyncio.sleep(0)

    async with client() as anna:
        going = asyncio.create_task(burst(log))
        answer = await anna.joined("room:a", {"recover": {"epoch": EPOCH, "offset": 5}})
        assert answer["recovered"] is True
        await going
        assert await gather(anna, 325) == list(range(6, 331))
        assert await anna.settled() == []
