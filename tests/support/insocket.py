"""Sockets without a server: the whole consumer and a hub, in the test's own thread and transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from unittest import mock

from asgiref.sync import SyncToAsync

from core import redis as redis_
from core.cache import threads
from realtime import runtime
from realtime.broker import LocalBroker, LocalBus
from realtime.hub import Hub
from tests.support.inprocess import Inline

T = TypeVar("T")


class Sockets:
    """Runs what a test does with sockets, each time beside a hub that knows nothing yet."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def run(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do it; the sockets that are still open then are closed."""
        return self._runner.run(self._beside_hub(act))

    async def _beside_hub(self, act: Callable[[], Awaitable[T]]) -> T:
        hub = Hub(LocalBroker(LocalBus()), "here")
        await hub.start()
        try:
            with mock.patch.object(runtime, "_hub", hub):
                return await act()
        finally:
            for session in hub.sessions.all():
                session.leave_server()
            await hub.stop()
            await redis_.async_client().aclose()


@contextmanager
def in_process_sockets() -> Iterator[Sockets]:
    """Sockets, with the threads taken away in which their handlers would ask the database."""
    inline = mock.patch.object(threads, "_pool", Inline())
    kept = mock.patch.object(threads, "close_old_connections")
    writing = mock.patch.object(SyncToAsync, "single_thread_executor", Inline())
    with inline, kept, writing, asyncio.Runner() as runner:
        yield Sockets(runner)
