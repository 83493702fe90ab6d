"""A hub in the test's process, with a small world above it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pytest_django.fixtures import Settings

from core import redis as redis_
from core.cache import threads
from core.log import readers
from realtime import hub as hub_module
from realtime import runtime, topics
from realtime.broker import LocalBroker, LocalBus
from realtime.hub import Hub
from realtime.stats import Stats, stats
from tests.realtime import fakes
from tests.realtime.fakes import RoomTopic, UserTopic, World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> World:
    """Topics and people of the tests' own; no database."""
    new = World()
    monkeypatch.setattr(fakes._Logged, "world", new, raising=False)
    monkeypatch.setattr(topics, "_routes", [])
    topics.register_topic(RoomTopic)
    topics.register_topic(UserTopic)
    monkeypatch.setattr(hub_module, "_position", new.position)
    monkeypatch.setattr(readers, "heads", new.heads)
    settings.PARLEY_AUTHENTICATOR = "tests.realtime.fakes.authenticate"
    settings.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = True
    fakes.ended.clear()
    for name, value in Stats().as_dict().items():
        setattr(stats, name, value)
    return new


@pytest.fixture
def bus() -> LocalBus:
    """What the brokers of a test have in common."""
    return LocalBus()


@pytest.fixture
async def hub(world: World, bus: LocalBus, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """The process's hub, on a local broker."""
    new = Hub(LocalBroker(bus), "here")
    await new.start()
    monkeypatch.setattr(runtime, "_hub", new)
    yield new
    for session in new.sessions.all():
        session.leave_server()
    await new.stop()
    await redis_.async_client().aclose()
    threads.stop()
