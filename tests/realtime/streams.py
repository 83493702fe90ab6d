"""Following a topic's offsets through a client, for the tests of the hub and of recovery."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.realtime import fakes, wire
from tests.realtime.client import Client

SECONDS = 5.0


def client(name: str = "anna", **options: Any) -> Client:
    return Client(token=fakes.token(name), **options)


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that the event loop will bring about."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.002)


async def offsets(anna: Client) -> list[int]:
    return numbered(await anna.settled())


async def gather(anna: Client, count: int) -> list[int]:
    """The offsets of the next ``count`` frames."""
    found: list[int] = []
    while len(found) < count:
        frame = await anna.receive()
        assert frame is not None
        found += numbered([frame])
    return found


def numbered(frames: list[wire.Frame]) -> list[int]:
    # A join anew closes the one before.
    return [frame.payload["offset"] for frame in frames if frame.event != "phx_close"]
