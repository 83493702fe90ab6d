"""The broker on a real Redis: confirmed subscriptions, order, and honesty about losses."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from core import redis as redis_
from realtime import redis_broker
from realtime.redis_broker import RedisBroker
from realtime.stats import stats
from tests.support.services import Valkey


class Receiver:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.states: list[bool] = []

    def on_message(self, channel: str, data: bytes) -> None:
        self.messages.append((channel, data))

    def on_state(self, up: bool) -> None:
        self.states.append(up)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def redis(tmp_path: Path, settings: Settings) -> Iterator[Valkey]:
    """A Redis that the test may kill."""
    service = Valkey(tmp_path)
    service.start()
    settings.REDIS_URL = service.url
    yield service
    service.stop()


@pytest.fixture
async def two(redis: Valkey) -> AsyncIterator[list[RedisBroker]]:
    """Two brokers, as of two processes."""
    brokers = [RedisBroker(), RedisBroker()]
    yield brokers
    for broker in brokers:
        await broker.stop()
    await redis_.async_client().aclose()
    redis_.breaker.reset()


async def started(broker: RedisBroker, *channels: str) -> Receiver:
    receiver = Receiver()
    for channel in channels:
        await broker.subscribe(channel)
    await broker.start(receiver)
    return receiver


@pytest.mark.parametrize("before", [True, False])
async def test_what_is_published_after_subscribing_arrives_in_order(before: bool, two: list[RedisBroker]) -> None:
    one, other = two
    receiver = await started(one, *(["a", "b"] if before else []))
    await started(other)
    assert one.is_up
    assert receiver.states == [True]
    await asyncio.gather(one.subscribe("a"), one.subscribe("b"), one.subscribe("a"))
    expected = [(channel, b"%d\n\x00\xff" % number) for number in range(600) for channel in ("a", "b")]
    for channel, data in expected:
        other.publish(channel, data)
    other.publish("elsewhere", b"x")
    await until(lambda: len(receiver.messages) >= len(expected))
    assert receiver.messages == expected


async def test_an_unsubscribed_channel_is_silent_and_can_be_heard_again(two: list[RedisBroker]) -> None:
    one, other = two
    receiver = await started(one, "mark")
    await started(other)
    await one.subscribe("a")
    one.unsubscribe("a")
    one.unsubscribe("never heard of")
    await one.subscribe("b")
    for channel in ("a", "b", "mark"):
        other.publish(channel, b"1")
    await until(lambda: ("mark", b"1") in receiver.messages)
    assert ("a", b"1") not in receiver.messages
    await one.subscribe("a")
    other.publish("a", b"2")
    await until(lambda: ("a", b"2") in receiver.messages)


async def test_killed_and_started_again(two: list[RedisBroker], redis: Valkey) -> None:
    one, other = two
    losses = stats.broker_losses
    receiver = await started(one, "a")
    await started(other)
    await one.subscribe("b")
    os.kill(redis.pid, signal.SIGKILL)
    redis.stop()
    await until(lambda: not one.is_up and not other.is_up)
    assert receiver.states == [True, False]
    assert stats.broker_losses == losses + 2
    dropped = stats.publishes_dropped
    other.publish("a", b"lost")
    assert stats.publishes_dropped == dropped + 1
    # Returns at once, and holds when Redis is back.
    async with asyncio.timeout(0.5):
        await one.subscribe("c")
    redis.start()
    await until(lambda: one.is_up and other.is_up)
    assert receiver.states == [True, False, True]
    for channel in ("a", "b", "c"):
        other.publish(channel, b"found")
    await until(lambda: len(receiver.messages) == 3)
    assert {channel for channel, _ in receiver.messages} == {"a", "b", "c"}


async def test_a_redis_that_hangs_counts_as_lost(
    two: list[RedisBroker], redis: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_broker, "PING_SECONDS", 0.05)
    monkeypatch.setattr(redis_broker, "SILENCE_SECONDS", 0.3)
    receiver = await started(two[0], "a")
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        await until(lambda: not two[0].is_up)
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    await until(lambda: two[0].is_up)
    assert receiver.states == [True, False, True]


async def test_started_without_redis_it_comes_up_when_redis_does(two: list[RedisBroker], redis: Valkey) -> None:
    redis.stop()
    receiver = await started(two[0], "a")
    assert not two[0].is_up
    assert receiver.states == []
    redis.start()
    await until(lambda: two[0].is_up)
    assert receiver.states == [True]


async def test_a_redis_that_cannot_keep_up_costs_bounded_memory(
    two: list[RedisBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_broker, "MAX_QUEUED", 100)
    receiver = await started(two[0], "a")
    await started(two[1])
    dropped = stats.publishes_dropped
    for number in range(500):
        two[1].publish("a", b"%d" % number)
    assert len(two[1]._outgoing) == 100
    assert stats.publishes_dropped == dropped + 400
    await until(lambda: len(receiver.messages) == 100)
