"""A cache in two tiers: the process's own copy, then Redis; the database behind both.

What is read here is never older than the last change that was acknowledged by this process, and
elsewhere never older than the invalidation of it. A miss asks the database; an error of Redis
asks the database; nothing that is missing is ever taken for an answer.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from django.db import transaction

from core import redis as redis_
from core.cache import shared, stats, threads
from core.cache.channel import is_up, start_listener, stop_listener
from core.cache.local import local as copies
from core.cache.lookup import Command, Lookup, PlainLookup, alook_up, in_transaction, look_up, part_flights
from core.cache.shared import commands_lost, token, usable
from core.cache.stats import counts
from core.cache_keys import INVALIDATE_CHANNEL, CacheKey

run_in_thread = threads.run

__all__ = [
    "Command",
    "Lookup",
    "aget_local",
    "aget_or_load",
    "alook_up",
    "announce",
    "commands_lost",
    "counts",
    "get_or_load",
    "invalidate",
    "is_up",
    "known_order",
    "local_get",
    "look_up",
    "note_order",
    "replace_local",
    "run_in_thread",
    "start_listener",
    "stop_listener",
    "token",
    "usable",
]


def get_or_load(key: str, cachekey: CacheKey, load: Callable[[], bytes]) -> bytes:
    """The value of ``key``, for threads; ``load`` reads it from the database when nobody knows it.

    Inside a transaction what was loaded is not kept: it may be undone.
    """
    value = look_up(PlainLookup(key, cachekey), load)
    assert value is not None
    return value


async def aget_or_load(key: str, cachekey: CacheKey, aload: Callable[[], Awaitable[bytes]]) -> bytes:
    """``get_or_load`` for coroutines; answered without a pause when the process knows.

    ``aload`` must not block the loop (``run_in_thread`` helps). Questions that come together
    share one load.
    """
    known: bytes | None = local_get(key, cachekey)
    if known is not None:
        return known
    value = await alook_up(PlainLookup(key, cachekey), aload)
    assert value is not None
    return value


def local_get(key: str, cachekey: CacheKey | None = None) -> Any:
    """What this process knows without asking anybody, or None. Counted under ``cachekey``, if given."""
    value = copies.get(key)
    if value is not None and cachekey is not None:
        stats.count(cachekey.name, "local")
    return value


async def aget_local(key: str, cachekey: CacheKey | None = None) -> bytes | None:
    """``local_get`` as a coroutine that never waits."""
    value: bytes | None = local_get(key, cachekey)
    return value


def invalidate(*keys: str, pipe: Any = None) -> None:
    """Make every process and Redis forget these keys; no fill that began before will land.

    With ``pipe`` (that of a commit's hook) the commands join it, and they count as done when it is
    executed. Without, they are sent now, or after the commit when called inside a transaction.
    """
    if not keys:
        return
    if pipe is not None:
        copies.drop(keys, bar=True)
        part_flights(keys, pending=True)
        shared.queue_invalidation(pipe, keys)
    elif in_transaction():
        transaction.on_commit(lambda: _invalidate_now(keys), robust=True)
    else:
        _invalidate_now(keys)


def replace_local(key: str, value: Any, seconds: float, *, order: int) -> None:
    """Put what was just committed into this process's copy, for at most ``seconds``; what has a
    higher ``order`` (above 0) stays. Every other process is told by ``announce``."""
    copies.replace(key, value, time.monotonic() + seconds, order)
    part_flights([key], pending=True)


def known_order(key: str) -> int:
    """The highest order that this process has seen of ``key``, 0 for none."""
    return copies.order(key)


def note_order(key: str, order: int) -> bool:
    """Remember an order that is about to be told; False when a higher one was seen before."""
    return copies.note(key, order)


def announce(pipe: Any, keys: Sequence[str]) -> None:
    """Have every other process drop these keys from its copy when ``pipe`` is executed. For caches
    that keep Redis right in their own way."""
    pipe.publish(INVALIDATE_CHANNEL, shared.message(keys))


def _invalidate_now(keys: tuple[str, ...]) -> None:
    pipe = redis_.sync_client().pipeline(transaction=False)
    shared.queue_invalidation(pipe, keys)
    try:
        with redis_.breaker.guard():
            pipe.execute()
    except redis_.UNAVAILABLE:
        commands_lost()
    copies.drop(keys)
    part_flights(keys, pending=False)
