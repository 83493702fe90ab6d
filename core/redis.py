"""Connections to Redis, and what to do without it.

Redis makes Parley fast, never right: whatever is lost here is read from the database again.
So timeouts are short, errors are one tuple to catch, and after a failure nobody waits for the
next timeout until the breaker has rested.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import redis
import redis.asyncio as aredis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

# What means "Redis is not there right now".
UNAVAILABLE: tuple[type[BaseException], ...] = (redis.RedisError, OSError, asyncio.TimeoutError)

# Seconds for which Redis is left alone after it failed.
REST_SECONDS = 0.5

_lock = threading.Lock()
_sync: dict[str, redis.Redis] = {}
_async: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, aredis.Redis] = weakref.WeakKeyDictionary()


def sync_client() -> redis.Redis:
    """The process's client for threads; its pool is thread-safe."""
    url = settings.REDIS_URL
    client = _sync.get(url)
    if client is None:
        with _lock:
            client = _sync.setdefault(
                url,
                redis.Redis.from_url(
                    url,
                    socket_timeout=settings.REDIS_TIMEOUT,
                    socket_connect_timeout=settings.REDIS_TIMEOUT,
                    retry=Retry(NoBackoff(), 1),
                    protocol=2,
                ),
            )
    return client


def async_client() -> aredis.Redis:
    """The client of the running event loop."""
    loop = asyncio.get_running_loop()
    client = _async.get(loop)
    if client is None:
        client = _async[loop] = aredis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=settings.REDIS_TIMEOUT,
            socket_connect_timeout=settings.REDIS_TIMEOUT,
            protocol=2,
        )
    return client


class Breaker:
    """Remembers that Redis failed, so that not every caller waits for a timeout of its own."""

    def __init__(self) -> None:
        self._until = 0.0
        self.failures = 0

    @property
    def open(self) -> bool:
        """True while Redis is left alone."""
        return time.monotonic() < self._until

    def trip(self) -> None:
        """Redis failed: rest."""
        self.failures += 1
        self._until = time.monotonic() + REST_SECONDS

    def reset(self) -> None:
        """Redis answered."""
        self._until = 0.0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Trip when the block raises one of UNAVAILABLE; the error goes on to the caller."""
        if self.open:
            raise redis.ConnectionError("Redis failed a moment ago")
        try:
            yield
        except UNAVAILABLE:
            self.trip()
            raise
        self.reset()


breaker = Breaker()
