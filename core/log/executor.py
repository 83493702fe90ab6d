"""Group commit: the acts that wait at one moment share a transaction, and so one fsync.

One thread of each server process writes. While it commits, others queue up; the next round takes
them all. Nothing is delayed on purpose: an act that comes alone is committed alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any, TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection, connections

from core.errors import Unavailable
from core.log.writer import Act, append_many

logger = structlog.get_logger(__name__)
T = TypeVar("T")

MAX_BATCH = 64
# Acts that may wait. Past that the server says "busy" instead of growing without a bound.
MAX_WAITING = 2_000


class CommitExecutor:
    """The writing thread. ``submit`` from any thread or loop; ``stop`` finishes what waits."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Act[Any], Future[Any]]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="commit", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float = 10) -> None:
        """Take no more, commit what waits, end the thread. What has not been begun after ``timeout``
        seconds is refused: whoever waits for it is told that it was not written."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout)
        with self._wake:
            left, self._waiting = list(self._waiting), deque()
        for _, future in left:
            if future.set_running_or_notify_cancel():
                future.set_exception(Unavailable())

    def submit(self, act: Act[T]) -> Future[T]:
        """Queue an act. Raises Unavailable when too many wait or the server is stopping."""
        future: Future[T] = Future()
        with self._wake:
            if self._stopping or len(self._waiting) >= MAX_WAITING:
                raise Unavailable
            self._waiting.append((act, future))
            self._wake.notify()
        return future

    def _take(self) -> list[tuple[Act[Any], Future[Any]]]:
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._stopping)
            count = min(MAX_BATCH, len(self._waiting))
            return [self._waiting.popleft() for _ in range(count)]

    def _work(self) -> None:
        while batch := self._take():
            batch = [(act, future) for act, future in batch if future.set_running_or_notify_cancel()]
            close_old_connections()
            try:
                results = append_many([act for act, _ in batch])
            except Exception as error:
                logger.exception("commit_failed", acts=len(batch))
                results = [error] * len(batch)
            for (_, future), result in zip(batch, results, strict=True):
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        connections.close_all()


_executor: CommitExecutor | None = None


def start() -> None:
    """Let this process's acts share commits from now on."""
    global _executor
    if _executor is None:
        _executor = CommitExecutor()
        _executor.start()


def stop() -> None:
    """Commit what waits and go back to committing in the caller's thread."""
    global _executor
    if _executor is not None:
        _executor.stop()
        _executor = None


def execute(act: Act[T]) -> T:
    """Do one act, durably; its result, or what it raised.

    Through the process's executor where one runs; in the caller's thread otherwise, and inside a
    transaction of the caller's (the change is announced when that commits).
    """
    if _executor is not None and not connection.in_atomic_block:
        return _executor.submit(act).result()
    result = append_many([act])[0]
    if isinstance(result, Exception):
        raise result
    return result  # type: ignore[no-any-return]  # append_many cannot type a mixed list


async def aexecute(act: Act[T]) -> T:
    """``execute`` for coroutines: the loop goes on while the act waits for its commit."""
    if _executor is not None:
        return await asyncio.wrap_future(_executor.submit(act))
    return await sync_to_async(execute)(act)
