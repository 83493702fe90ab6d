"""Redis makes Parley fast, never right: it is killed under load, and nobody misses anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checker import Rules
from tests.support.final_state import read_final_state
from tests.support.server import Server
from tests.support.services import DebianRedis
from tests.system.conftest import SECRETS
from tests.system.crowd import Crowd, Sender, register

MESSAGES = 160
# Seconds. The devices' heartbeat: no loss lasts longer than that.
HEARTBEAT = 1.0


@pytest.fixture
def own_redis(home: Path) -> Iterator[DebianRedis]:
    """A Redis of this test's own, which it may kill."""
    redis = DebianRedis(home / "redis")
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture
def servers(home: Path, database_url: str, own_redis: DebianRedis) -> Iterator[list[Server]]:
    """Two servers on that Redis."""
    servers = [
        Server(home / name, database_url=database_url, redis_url=own_redis.url, workers=1, env=SECRETS)
        for name in ("one", "two")
    ]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.stop()


async def _all_reach_the_head(crowd: Crowd, url: str, seconds: float) -> None:
    """Every device, live or polling, knows everything that is in the database."""
    final = read_final_state(url, crowd.rooms)
    offset = final.rooms[crowd.rooms[0]].offset
    stream = f"room:{crowd.rooms[0]}"
    await asyncio.gather(
        *(socket.reach(stream, offset, seconds) for socket in crowd.sockets),
        *(poller.reach(offset, seconds) for poller in crowd.pollers),
    )


async def _everybody_sends(crowd: Crowd, part: str) -> None:
    senders = [
        Sender(socket, crowd.rooms, MESSAGES // 4, window=4, drops=0.05, name=f"{part}-{number}")
        for number, socket in enumerate(crowd.sockets)
    ]
    await asyncio.gather(*(sender.run() for sender in senders))


async def test_redis_dies_under_load_and_comes_back(
    servers: list[Server], own_redis: DebianRedis, database_url: str
) -> None:
    async with Crowd() as crowd:
        crowd.people = await register([server.url for server in servers], *(f"person{number}" for number in range(6)))
        room = await crowd.people[0].create_room(*crowd.people[1:])
        crowd.rooms = [room]
        for person in crowd.people[:4]:
            await crowd.device(person, "socket", f"room:{room}", heartbeat=HEARTBEAT)
        for person in crowd.people[4:]:
            await crowd.poller(person, room, "poll")
        await _everybody_sends(crowd, "before")
        await _all_reach_the_head(crowd, database_url, 2)

        sending = asyncio.create_task(_everybody_sends(crowd, "during"))
        await asyncio.sleep(0)
        own_redis.kill()
        await sending
        # The other server's frames did not come; the next heartbeat tells of them.
        await _all_reach_the_head(crowd, database_url, 4 * HEARTBEAT)
        await _everybody_sends(crowd, "without")
        await _all_reach_the_head(crowd, database_url, 4 * HEARTBEAT)

        own_redis.start()
        await _everybody_sends(crowd, "after")
        await _all_reach_the_head(crowd, database_url, 4 * HEARTBEAT)
        # Live again: frames of the other server come by themselves, before a heartbeat tells of them.
        for number in range(5):
            await _everybody_sends(crowd, f"live{number}")
            await _all_reach_the_head(crowd, database_url, HEARTBEAT / 2)
        final = await crowd.settle(database_url)
        await crowd.close()
    report = crowd.check(final, Rules(freshness=1.0))
    assert report.counts["acts:send"] == (4 + 5) * MESSAGES
    assert report.counts["metas"] > 50
