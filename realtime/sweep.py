"""The sweep: looks into the database for what the broker may have lost, and after the clock.

Pub/Sub forgets whoever does not listen at that moment. So where the streams stand is asked of the
database every few seconds, at once when the broker has come back, and every second while it is away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import structlog
from django.db import Error as DatabaseFailure

from core.cache import run_in_thread
from core.log import readers
from realtime.stats import tell

if TYPE_CHECKING:
    from realtime.hub import Hub

logger = structlog.get_logger(__name__)
T = TypeVar("T")

# Seconds between looks, with the broker and without.
SWEEP_SECONDS = 5.0
SWEEP_SECONDS_WITHOUT_BROKER = 1.0
# Seconds between looks at the sessions' clocks.
WATCH_SECONDS = 1.0
# Seconds after which a session's sign-in is checked again, with the broker and without.
CHECK_SECONDS = 60.0
CHECK_SECONDS_WITHOUT_BROKER = 5.0
# Streams asked for in one query.
_CHUNK = 1000


class Sweeper:
    """Two loops beside the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._now = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._judging: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._sweeps(), name="sweep"), asyncio.create_task(self._watches())]

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def hurry(self) -> None:
        """Something may have been missed: look now, at the streams and at the sign-ins."""
        self._now.set()
        for session in self._hub.sessions.all():
            session.checked_at = 0.0

    async def _sweeps(self) -> None:
        while True:
            seconds = SWEEP_SECONDS if self._hub.broker.is_up else SWEEP_SECONDS_WITHOUT_BROKER
            # Not wait_for: in Python 3.11 it forgets that it was cancelled when the event is set just then.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._now.wait()
            self._now.clear()
            try:
                await self.sweep()
            except DatabaseFailure as error:
                logger.warning("sweep_failed", error=type(error).__name__)
            except Exception:
                logger.exception("sweep_failed")

    async def sweep(self) -> None:
        """Ask where all streams stand that anybody here joined or follows."""
        hub = self._hub
        names = {live.name for live in hub.topics() if live.sequencer is not None} | set(hub.follows.streams())
        behind = []
        for chunk in _chunks(sorted(names), _CHUNK):
            for stream, offset in (await run_in_thread(readers.heads, chunk)).items():
                hub.hear_head(stream, offset)
                if hub.follows.is_behind(stream, offset):
                    behind.append(stream)
        for chunk in _chunks(behind, _CHUNK):
            await hub.rights.load_heads(chunk)

    async def _watches(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                self._watch()
            except Exception:
                logger.exception("watch_failed")

    def _watch(self) -> None:
        tell()
        pause = CHECK_SECONDS if self._hub.broker.is_up else CHECK_SECONDS_WITHOUT_BROKER
        now, due = self._hub.time(), []
        for session in self._hub.sessions.all():
            session.look_at_clock(now)
            if now - session.checked_at > pause:
                due.append(session)
        if due and (self._judging is None or self._judging.done()):
            for session in due:
                session.checked_at = now
            self._judging = self._hub.spawn(self._hub.rights.judge(due))


def _chunks(items: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
