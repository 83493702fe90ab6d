"""Slow clients cost bounded memory and nobody else's time; silent ones are given up; limits say their name."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from core.errors import RateLimited
from realtime import outbox as outbox_module
from realtime.close_codes import CloseCode
from realtime.frames import Encoded, Frame
from realtime.hub import Hub
from realtime.limits import Buckets
from realtime.outbox import AsgiOutbox, DirectOutbox
from realtime.stats import stats
from tests.realtime import fakes
from tests.realtime.client import Client
from tests.realtime.fakes import World


def client(name: str = "anna", **options: Any) -> Client:
    return Client(token=fakes.token(name), **options)


class Wire:
    """A transport that takes only so much."""

    def __init__(self, room: int) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self.room = room
        self.written: list[bytes] = []
        self.total = 0
        self.closed: tuple[int, str] | None = None

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.total += len(data)

    def waiting(self) -> int:
        return max(0, self.total - self.room)

    def shut(self, code: int, reason: str) -> None:
        self.closed = (code, reason)


def frame(size: int = 10) -> Encoded:
    return Encoded(b"x" * size)


async def test_frames_of_one_turn_are_one_write_in_their_order() -> None:
    line = Wire(10**9)
    out = DirectOutbox(line)
    frames = [Encoded(b"%d" % n) for n in range(5)]
    for one in frames:
        out.send(one)
    assert line.written == []
    await asyncio.sleep(0)
    assert line.written == [b"".join(one.framed for one in frames)]
    out.send(frames[0])
    await out.drain()
    assert len(line.written) == 2


@pytest.mark.parametrize("size", [100, 5000, 60_000, 400_000])
async def test_a_slow_client_is_closed_before_it_costs_much(size: int, settings: Settings) -> None:
    slow, fine = Wire(0), Wire(10**9)
    outboxes = [DirectOutbox(slow), DirectOutbox(fine)]
    sent = 0
    for _ in range(3 * settings.MAX_SOCKET_BUFFER_BYTES // size + 3):
        one = frame(size)
        for out in outboxes:
            out.send(one)
        sent += len(one.framed)
        if sent % 7 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert slow.closed == (CloseCode.SLOW_CONSUMER, "you read too slowly")
    assert not CloseCode.SLOW_CONSUMER.is_final
    assert slow.total < settings.MAX_SOCKET_BUFFER_BYTES + size + 300_000
    assert fine.closed is None
    assert fine.total == sent


async def test_what_was_said_before_the_end_goes_out_before_the_end() -> None:
    line = Wire(10**9)
    out = DirectOutbox(line)
    out.send(frame())
    out.close(4001, "bye")
    out.send(frame())
    await asyncio.sleep(0)
    assert line.written == [frame().framed]
    assert line.closed == (4001, "bye")


async def test_without_the_transport_the_bound_is_the_same(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "CLOSE_SECONDS", 0.02)
    reading, aborted = asyncio.Event(), asyncio.Event()
    taken: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        await reading.wait()
        taken.append(event)

    out = AsgiOutbox(send, aborted.set)
    for _ in range(200):
        out.send(frame(10_000))
        await asyncio.sleep(0)
    assert out.closed
    await asyncio.wait_for(aborted.wait(), 5)
    assert taken == []


async def test_a_socket_that_stops_reading_is_closed_and_others_do_not_notice(hub: Hub, world: World) -> None:
    world.room("a", "anna", "ben")
    async with client() as anna, client("ben") as ben:
        for one in (anna, ben):
            await one.joined("room:a")
        anna.reads.clear()
        for n in range(150):
            hub.publish(Frame.of("room:a", "typing", {"n": n, "x": "x" * 10_000}))
            assert (await ben.expect("typing"))[0].payload["n"] == n
        assert stats.slow_closes == 1
        anna.reads.set()
        frames, code = await anna.closing()
        assert code == CloseCode.SLOW_CONSUMER
        assert len(frames) < 5
        assert len(hub.sessions) == 2, "until the server has said that the connection is gone"
    assert len(hub.sessions) == 0


async def test_silent_clients_are_given_up(hub: Hub, world: World, settings: Settings) -> None:
    settings.SOCKET_IDLE_SECONDS = 60
    async with client() as anna, client("ben") as ben, Client() as guest:
        await anna.joined("open")
        await ben.settled()
        sessions = {session.user_id: session for session in hub.sessions.all()}
        hers = sessions[fakes.user_id("anna")]
        now = hub.time()
        # A browser that answers pings while its page sleeps may take longer, but not for ever.
        hers.last_pong = lambda: now + 100
        for session in sessions.values():
            session.look_at_clock(now + 59)
        assert await ben.settled() == await guest.settled() == []
        ben_session = sessions[fakes.user_id("ben")]
        ben_session.look_at_clock(now + 130)
        assert (await ben.closing())[1] == CloseCode.GOING_AWAY
        hers.look_at_clock(now + 130)
        assert await anna.settled() == []
        hers.heard_at = now
        hers.look_at_clock(now + 200)
        assert (await anna.closing())[1] == CloseCode.GOING_AWAY
        # Heartbeats alone do not hold a place for ever.
        sessions[None].heard_at = now + 59
        sessions[None].look_at_clock(now + 61)
        assert (await guest.closing())[1] == CloseCode.GOING_AWAY


async def test_the_rates_of_pushes_and_joins(hub: Hub, world: World, settings: Settings) -> None:
    settings.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = False
    settings.PARLEY_RATE_LIMITS = {**settings.PARLEY_RATE_LIMITS, "push": (3, 600), "join": (3, 600)}
    world.room("a", "anna", "ben")
    async with client() as anna, client() as phone, client("ben") as ben:
        await anna.joined("room:a")
        await phone.joined("room:a")
        await ben.joined("room:a")
        statuses = [(await one.ask("room:a", "message:send", {}))["status"] for one in (anna, phone, anna)]
        assert statuses == ["ok"] * 3
        refused = (await phone.ask("room:a", "message:send", {}))["response"]
        assert refused["code"] == "rate_limited"
        assert refused["limit"] == "push"
        assert refused["retry_after"] > 0
        assert "push" in refused["reason"]
        assert stats.limited == 1
        assert (await ben.ask("room:a", "message:send", {}))["status"] == "ok"
        assert (await anna.ask("phoenix", "heartbeat", {}, join_ref=None))["status"] == "ok"
        await anna.joined("open")
        late = (await anna.join("open-2"))["response"]
        assert late["reason"].startswith("ClientJoinRateLimitReached: ")
        assert late["limit"] == "join"


def test_a_bucket_fills_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PARLEY_RATE_LIMITS = {"push": (2, 10)}
    now = 1000.0
    monkeypatch.setattr("realtime.limits.time.monotonic", lambda: now)
    buckets = Buckets()
    for _ in range(2):
        buckets.take("push", "anna")
    with pytest.raises(RateLimited) as refused:
        buckets.take("push", "anna")
    assert refused.value.wait == 5
    buckets.take("push", "ben")
    now += 5
    buckets.take("push", "anna")
    with pytest.raises(RateLimited):
        buckets.take("push", "anna")
    now += 1000
    for _ in range(2):
        buckets.take("push", "anna")
    with pytest.raises(RateLimited):
        buckets.take("push", "anna")


def test_buckets_that_nobody_uses_are_forgotten(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PARLEY_RATE_LIMITS = {"push": (2, 10)}
    now = 1000.0
    monkeypatch.setattr("realtime.limits.time.monotonic", lambda: now)
    monkeypatch.setattr("realtime.limits._MAX_BUCKETS", 100)
    buckets = Buckets()
    for number in range(100):
        buckets.take("push", str(number))
    now += 11
    buckets.take("push", "late")
    assert len(buckets._buckets) == 1


def test_the_codes_are_the_browsers(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "static/js/realtime/constants.js").read_text()
    table = text.split("CLOSE_CODES = Object.freeze({")[1].split("}")[0]
    theirs = dict(line.strip().rstrip(",").split(": ") for line in table.strip().splitlines())
    assert {name: int(code) for name, code in theirs.items()} == {code.name: code.value for code in CloseCode}
    assert {code for code in CloseCode if code.is_final} == {code for code in CloseCode if 4500 <= code <= 4999}
