"""The few threads in which the event loop's reads of the database run.

Few, because under Python's lock more of them are slower, and because they are the bound on the
database connections that raw routes take.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import close_old_connections, connections

T = TypeVar("T")

THREADS = 4
# Seconds for which a thread that is ready to leave waits for the others.
PATIENCE = 5.0

_pool: ThreadPoolExecutor | None = None


async def run(call: Callable[..., T], *arguments: object) -> T:
    """``call(*arguments)`` in one of the threads, with a database connection that is fit for use."""
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(THREADS, thread_name_prefix="cache-load")
    return await asyncio.get_running_loop().run_in_executor(_pool, _call, call, arguments)


def stop() -> None:
    """Let the threads finish and close their connections."""
    global _pool
    pool, _pool = _pool, None
    if pool is not None:
        # Each thread has a connection of its own, so each must come by: none takes two turns
        # while they wait for one another.
        everyone = threading.Barrier(THREADS)
        for _ in range(THREADS):
            pool.submit(_leave, everyone)
        pool.shutdown(wait=True)


def _leave(everyone: threading.Barrier) -> None:
    try:
        everyone.wait(PATIENCE)
    finally:
        connections.close_all()


def _call(call: Callable[..., T], arguments: tuple[object, ...]) -> T:
    close_old_connections()
    try:
        return call(*arguments)
    finally:
        close_old_connections()
