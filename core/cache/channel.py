"""The invalidation channel: who changes something tells every process to drop its copy.

Pub/Sub forgets whoever is not listening, so a process uses copies only while it knows that it
hears everything: the answer to a ping proves that all that was published before it has arrived.
Without a fresh proof the copies rest; with a new connection everything begins anew, and what is
in Redis is made worthless too, because nobody knows what was missed or whether it is the same
Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import redis.asyncio as aredis
import structlog
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core import queries
from core import redis as redis_
from core.cache import lookup, shared, stats, threads
from core.cache.local import local
from core.cache_keys import INVALIDATE_CHANNEL

logger = structlog.get_logger(__name__)

PING_SECONDS = 0.5
# A proof lasts this long after the ping was sent.
PROOF_SECONDS = 1.5
RETRY_SECONDS = 0.2

_task: asyncio.Task[None] | None = None
_risen: asyncio.Event | None = None


async def start_listener(wait: float = 1.0) -> bool:
    """Listen from now on, on the running loop. Waits up to ``wait`` seconds for the channel to come
    up; False when it has not (the listener goes on trying, and everything works without)."""
    global _task, _risen
    if _task is None:
        shared.state.cut_off = True
        _risen = asyncio.Event()
        _task = asyncio.create_task(_listen(), name="invalidations")
    if _risen is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_risen.wait(), wait)
    return local.up


async def stop_listener() -> None:
    """Stop listening and use no copies any more."""
    global _task
    task, _task = _task, None
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    _down()
    shared.state.cut_off = False
    threads.stop()


def is_up() -> bool:
    """Whether this process hears every invalidation right now."""
    return local.up


async def _listen() -> None:
    while True:
        connection = _connection()
        try:
            await _session(connection)
        except redis_.UNAVAILABLE as error:
            if not shared.state.cut_off:
                logger.warning("invalidation_channel_down", error=type(error).__name__)
        finally:
            _down()
            with contextlib.suppress(*redis_.UNAVAILABLE):
                await connection.disconnect(nowait=True)
        await asyncio.sleep(RETRY_SECONDS)


def _connection() -> Any:
    # A bare connection: redis-py's PubSub would reconnect silently, and what was published in
    # between would be missed without anybody knowing.
    pool: Any = aredis.ConnectionPool.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT,
        socket_connect_timeout=settings.REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return pool.make_connection()


async def _session(connection: Any) -> None:
    await connection.connect()
    await connection.send_command("SUBSCRIBE", INVALIDATE_CHANNEL)
    await connection.read_response()
    await _begin_anew()
    pinged = time.monotonic()
    await connection.send_command("PING")
    waiting = True
    while True:
        reply = await connection.read_response(timeout=PING_SECONDS / 2)
        now = time.monotonic()
        if reply is not None and reply[0] == b"message":
            _heard(reply[2].decode())
        elif reply is not None and reply[0] == b"pong":
            waiting = False
            _up(pinged + PROOF_SECONDS)
        if waiting and now - pinged > PROOF_SECONDS:
            raise TimeoutError("no answer to a ping")
        if not waiting and now - pinged >= PING_SECONDS:
            pinged, waiting = now, True
            stats.tell()
            queries.tell()
            await connection.send_command("PING")
        if shared.state.lost:
            await threads.run(shared.repair)


async def _begin_anew() -> None:
    pipe = redis_.async_client().pipeline(transaction=False)
    shared.queue_new_generation(pipe)
    await pipe.execute()
    redis_.breaker.reset()


def _up(until: float) -> None:
    if shared.state.cut_off:
        # Still without copies: whatever was in flight while nobody listened must not land.
        local.clear()
        shared.state.cut_off = False
        logger.info("invalidation_channel_up")
    local.extend(until)
    if _risen is not None:
        _risen.set()


def _down() -> None:
    local.extend(0.0)
    local.clear()
    shared.state.cut_off = True


def _heard(message: str) -> None:
    sender, *keys = message.split("\n")
    if sender == shared.sender():
        local.unbar(keys)
    elif keys == [shared.ALL]:
        local.clear()
    else:
        local.drop(keys)
    lookup.part_flights(keys, pending=False)
