"""Reading through the two tiers: the steps of one look-up, and who walks through them.

A ``Lookup`` says what is asked of Redis and what an answer means; ``look_up`` walks through it in
a thread, ``alook_up`` on the event loop. So every rule stands once, whichever door reads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection

from core import redis as redis_
from core.cache import shared, stats, threads
from core.cache.local import BAR_SECONDS, Fill, local
from core.cache_keys import CACHE_GENERATION, CACHE_LEASE, CacheKey

T = TypeVar("T")

# A value that a change overtook while it was loaded is loaded again, this many times in all.
# The last one is then answered (it was read after the question came) and kept nowhere.
TRIES = 3
# Seconds for which a question may join the load of an earlier one.
JOIN_SECONDS = 0.5
MAX_APART = 10_000


@dataclass(frozen=True, slots=True)
class Command:
    """A script for Redis."""

    script: str
    keys: Sequence[str]
    args: Sequence[object]  # text, bytes and whole numbers


class Lookup(Generic[T]):
    """One reading of one key. ``T`` is never None: that means "not there"."""

    def __init__(self, key: str, cachekey: CacheKey) -> None:
        self.key = key
        self.cachekey = cachekey
        self.began = 0.0
        self._fill = Fill(key, alive=False)
        self._tracked = False

    def start(self) -> None:
        """A new try: what is read from here on may be kept, unless a change overtakes it."""
        local.end(self._fill)
        self.began = time.monotonic()
        self._fill = local.begin(self.key)
        # Whether this process hears of every change from here on.
        self._tracked = self._fill.alive

    def finish(self) -> None:
        """The look-up is over."""
        local.end(self._fill)

    def keep(self, value: T, seconds: float, order: int = 0) -> bool:
        """Store in the process copy, ``seconds`` from the start of this try at most. False when a
        change is known to have overtaken the value."""
        if self.cachekey.local_ms == 0 or not self._tracked:
            return self._fill.alive or not self._tracked
        lifetime = min(seconds, self.cachekey.local_ms / 1000)
        return local.land(self._fill, value, self.began + lifetime, order)

    def age_ms(self) -> int:
        """Milliseconds since the start of this try, rounded up."""
        return int((time.monotonic() - self.began) * 1000) + 1

    def question(self) -> Command:
        """What Redis is asked first."""
        raise NotImplementedError

    def found(self, reply: Any) -> T | None:
        """The value in Redis's reply; None when it has none."""
        raise NotImplementedError

    def storing(self, value: T) -> Command | None:
        """How Redis is to keep what was loaded; None when it must not."""
        raise NotImplementedError

    def stored(self, value: T, reply: Any) -> T | None:
        """What to answer after that; None when the value was overtaken and nothing better is known."""
        raise NotImplementedError

    def loaded(self, value: T) -> T | None:
        """What to answer without Redis; None when the value was overtaken."""
        raise NotImplementedError


class PlainLookup(Lookup[bytes]):
    """Bytes under a lease and a generation (see ``shared``)."""

    _lease = b""
    _generation = b""

    def question(self) -> Command:
        """Value or lease."""
        return Command(shared.BEGIN, self._keys(), [shared.token(), CACHE_LEASE.ttl_ms])

    def found(self, reply: Any) -> bytes | None:
        """Remembers the lease where there is no value."""
        if reply[0] == 0:
            _, self._lease, self._generation = reply
            return None
        _, value, left_ms = reply
        self.keep(value, left_ms / 1000)
        return bytes(value)

    def storing(self, value: bytes) -> Command | None:
        """The lifetime counts from before the database was asked."""
        left_ms = self.cachekey.ttl_ms - self.age_ms()
        if left_ms <= 0:
            return None
        return Command(shared.LAND, self._keys(), [self._lease, self._generation, value, left_ms])

    def stored(self, value: bytes, reply: Any) -> bytes | None:
        """Refused means that a change overtook the load, or that Redis forgot the lease."""
        return self.loaded(value) if reply == 1 else None

    def loaded(self, value: bytes) -> bytes | None:
        """The value, unless it was overtaken."""
        return value if self.keep(value, self.cachekey.ttl_ms / 1000) else None

    def _keys(self) -> list[str]:
        return [self.key, CACHE_LEASE.of(key=self.key), CACHE_GENERATION.of()]


def look_up(lookup: Lookup[T], load: Callable[[], T | None], *, fresh: bool = False) -> T | None:
    """Process copy, Redis, database, in this order; ``fresh`` begins with Redis. For threads."""
    value = None if fresh else from_copy(lookup)
    if value is not None:
        return value
    try:
        for attempt in range(TRIES):
            lookup.start()
            reply = _ask(lookup.question()) if shared.repair() and shared.usable() else None
            if reply is not None:
                value = lookup.found(reply)
                if value is not None:
                    stats.count(lookup.cachekey.name, "redis")
                    return value
            loaded = load()
            stats.count(lookup.cachekey.name, "load")
            if loaded is None or in_transaction():
                return loaded
            value = _settle(lookup, loaded, _store(lookup, loaded, asked=reply is not None))
            if value is not None:
                return value
            if attempt == TRIES - 1:
                return loaded
    finally:
        lookup.finish()
    return None


async def alook_up(lookup: Lookup[T], aload: Callable[[], Awaitable[T | None]]) -> T | None:
    """Redis, then the database. For the event loop, by callers who found nothing in the process copy;
    ``aload`` must not block the loop. Questions for one key that come together share one load.
    """
    flight = _flights.get(lookup.key)
    if flight is None or not flight.joinable(lookup.key):
        flight = _Flight(asyncio.ensure_future(_walk(lookup, aload)))
        _flights[lookup.key] = flight
        flight.task.add_done_callback(lambda _: _land(lookup.key, flight))
    # Shielded: one client that goes away must not take the answer from the others.
    return await asyncio.shield(flight.task)


async def _walk(lookup: Lookup[T], aload: Callable[[], Awaitable[T | None]]) -> T | None:
    try:
        for attempt in range(TRIES):
            lookup.start()
            if shared.state.lost:
                await threads.run(shared.repair)
            reply = await _aask(lookup.question()) if shared.usable() else None
            if reply is not None:
                value = lookup.found(reply)
                if value is not None:
                    stats.count(lookup.cachekey.name, "redis")
                    return value
            loaded = await aload()
            stats.count(lookup.cachekey.name, "load")
            if loaded is None:
                return None
            value = _settle(lookup, loaded, await _astore(lookup, loaded, asked=reply is not None))
            if value is not None:
                return value
            if attempt == TRIES - 1:
                return loaded
    finally:
        lookup.finish()
    return None


def from_copy(lookup: Lookup[T]) -> T | None:
    """What the process knows without asking anybody."""
    value: T | None = local.get(lookup.key)
    if value is not None:
        stats.count(lookup.cachekey.name, "local")
    return value


def in_transaction() -> bool:
    """Whether this thread reads inside a transaction: what it sees there may be undone, so nobody
    else may be told. (The transaction that a test case wraps around itself does not count.)"""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def part_flights(keys: Iterable[str], *, pending: bool) -> None:
    """Questions that come from now on must not join loads that began before. ``pending``: Redis
    has not executed the invalidation yet, so the loads that begin now are not to be joined either."""
    until = time.monotonic() + BAR_SECONDS
    for key in keys:
        _flights.pop(key, None)
        if not pending:
            _apart.pop(key, None)
            continue
        _apart.pop(key, None)
        _apart[key] = until
    if len(_apart) > MAX_APART:
        now = time.monotonic()
        for key in [key for key, until in list(_apart.items()) if until <= now]:
            _apart.pop(key, None)


class _Flight:
    """A load under way on an event loop, which later questions may join for a moment."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self._loop = asyncio.get_running_loop()
        self._until = time.monotonic() + JOIN_SECONDS

    def joinable(self, key: str) -> bool:
        now = time.monotonic()
        return self._loop is asyncio.get_running_loop() and now < self._until and _apart.get(key, 0.0) <= now


_flights: dict[str, _Flight] = {}
# Until when the loads of a key are not to be joined.
_apart: dict[str, float] = {}


def _land(key: str, flight: _Flight) -> None:
    if _flights.get(key) is flight:
        del _flights[key]


def _settle(lookup: Lookup[T], loaded: T, reply: Any) -> T | None:
    value = lookup.loaded(loaded) if reply is None else lookup.stored(loaded, reply)
    if value is None:
        stats.count(lookup.cachekey.name, "refused")
    return value


def _store(lookup: Lookup[T], value: T, *, asked: bool) -> Any:
    command = lookup.storing(value) if asked else None
    return None if command is None else _ask(command)


async def _astore(lookup: Lookup[T], value: T, *, asked: bool) -> Any:
    command = lookup.storing(value) if asked else None
    return None if command is None else await _aask(command)


def _ask(command: Command) -> Any:
    """Redis's reply, or None when it is away."""
    try:
        with redis_.breaker.guard():
            client: Any = redis_.sync_client()
            return client.eval(command.script, len(command.keys), *command.keys, *command.args)
    except redis_.UNAVAILABLE:
        return None


async def _aask(command: Command) -> Any:
    try:
        with redis_.breaker.guard():
            client: Any = redis_.async_client()
            return await client.eval(command.script, len(command.keys), *command.keys, *command.args)
    except redis_.UNAVAILABLE:
        return None
