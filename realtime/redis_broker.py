"""The broker on Redis Pub/Sub: one connection per process listens, publishes go out in pipelines.

The listening connection is a bare one: redis-py's PubSub would reconnect silently, and nobody would
know that messages were missed. Here a loss is told at once, every subscription is made anew on the
next connection, and only when all stand is the broker up again.
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

from core import redis as redis_
from realtime.broker import Receiver
from realtime.stats import stats

logger = structlog.get_logger(__name__)

# Seconds between pings, and without any answer until the connection counts as lost.
PING_SECONDS = 1.0
SILENCE_SECONDS = 3.0
# Seconds between attempts to connect.
RETRY_SECONDS = 0.2
# How long a start waits for the first connection, and a subscription for its confirmation.
WAIT_SECONDS = 1.0
# Publishes that may wait while Redis takes its time.
MAX_QUEUED = 10_000
_BATCH = 500


class RedisBroker:
    """A ``Broker``."""

    def __init__(self) -> None:
        self.is_up = False
        self._receiver: Receiver | None = None
        self._wanted: set[str] = set()
        self._confirmed: set[str] = set()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._connection: Any = None
        self._listener: asyncio.Task[None] | None = None
        self._rose = asyncio.Event()
        self._outgoing: list[tuple[str, bytes]] = []
        self._publisher: asyncio.Task[None] | None = None
        self._commands: set[asyncio.Task[None]] = set()

    async def start(self, receiver: Receiver) -> None:
        """As ``Broker`` says."""
        self._receiver = receiver
        self._listener = asyncio.create_task(self._listen(), name="broker")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                await self._rose.wait()

    async def stop(self) -> None:
        """As ``Broker`` says; what was published before is sent."""
        if self._publisher is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WAIT_SECONDS):
                    await self._publisher
        self._receiver = None
        await asyncio.gather(*self._commands)
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener

    # --- subscribing ------------------------------------------------------------------------

    async def subscribe(self, channel: str) -> None:
        """As ``Broker`` says. While Redis is away it returns at once: the subscription is made later,
        and the rise of the broker tells that the log is to be looked at."""
        self._wanted.add(channel)
        if not self.is_up or channel in self._confirmed:
            return
        future = self._waiting.get(channel)
        if future is None:
            future = self._waiting[channel] = asyncio.get_running_loop().create_future()
            self._command("SUBSCRIBE", channel)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                await asyncio.shield(future)

    def unsubscribe(self, channel: str) -> None:
        """As ``Broker`` says."""
        self._wanted.discard(channel)
        if channel in self._confirmed:
            self._confirmed.discard(channel)
            self._command("UNSUBSCRIBE", channel)

    def _command(self, name: str, *channels: str) -> None:
        if self._connection is not None:
            task = asyncio.create_task(self._send(self._connection, name, *channels))
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)

    @staticmethod
    async def _send(connection: Any, name: str, *channels: str) -> None:
        # A failure here is the listener's to notice: it reads from the same connection, and when it has
        # closed it meanwhile, redis-py finds no stream to write to.
        with contextlib.suppress(*redis_.UNAVAILABLE, AttributeError):
            await connection.send_command(name, *channels)

    # --- listening --------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            connection = _bare_connection()
            try:
                await connection.connect()
                self._connection = connection
                await self._session(connection)
            except redis_.UNAVAILABLE as error:
                if self.is_up:
                    logger.warning("broker_down", error=type(error).__name__)
            except Exception:
                logger.exception("broker_failed")
            finally:
                self._fall()
                with contextlib.suppress(*redis_.UNAVAILABLE):
                    await connection.disconnect(nowait=True)
            await asyncio.sleep(RETRY_SECONDS)

    async def _session(self, connection: Any) -> None:
        asked: set[str] = set()
        await connection.send_command("PING")
        pinged = heard = time.monotonic()
        while True:
            reply = await connection.read_response(timeout=PING_SECONDS / 2)
            now = time.monotonic()
            if reply is not None:
                heard = now
                # Before the first subscription Redis answers a ping in another form.
                is_pong = reply == b"PONG" or reply[0] == b"pong"
                if not is_pong:
                    self._take(reply)
                # Answers come in the order of the questions: a ping answered, and nothing left to
                # ask for, means that all subscriptions stand.
                if is_pong and not self.is_up:
                    if missing := self._wanted - asked:
                        asked |= missing
                        await connection.send_command("SUBSCRIBE", *missing)
                        await connection.send_command("PING")
                    else:
                        self._rise()
            elif now - heard > SILENCE_SECONDS:
                raise TimeoutError("Redis does not answer")
            if now - pinged >= PING_SECONDS:
                pinged = now
                await connection.send_command("PING")

    def _take(self, reply: list[Any]) -> None:
        kind = reply[0]
        if kind == b"message":
            if self._receiver is not None:
                self._receiver.on_message(reply[1].decode(), reply[2])
        elif kind == b"subscribe":
            channel = reply[1].decode()
            self._confirmed.add(channel)
            if (future := self._waiting.pop(channel, None)) is not None and not future.done():
                future.set_result(None)
            if channel not in self._wanted:
                self.unsubscribe(channel)

    def _rise(self) -> None:
        self.is_up = True
        self._rose.set()
        redis_.breaker.reset()
        logger.info("broker_up", channels=len(self._confirmed))
        if self._receiver is not None:
            self._receiver.on_state(True)

    def _fall(self) -> None:
        self._connection = None
        self._confirmed.clear()
        for future in self._waiting.values():
            if not future.done():
                future.set_result(None)
        self._waiting.clear()
        if self.is_up:
            self.is_up = False
            stats.broker_losses += 1
            if self._receiver is not None:
                self._receiver.on_state(False)

    # --- publishing -------------------------------------------------------------------------

    def publish(self, channel: str, data: bytes) -> None:
        """As ``Broker`` says. What one turn of the loop publishes goes out in one pipeline."""
        if not self.is_up or len(self._outgoing) >= MAX_QUEUED:
            stats.publishes_dropped += 1
            return
        self._outgoing.append((channel, data))
        if self._publisher is None or self._publisher.done():
            self._publisher = asyncio.create_task(self._publish())

    async def _publish(self) -> None:
        while self._outgoing:
            batch, self._outgoing = self._outgoing[:_BATCH], self._outgoing[_BATCH:]
            pipe = redis_.async_client().pipeline(transaction=False)
            for channel, data in batch:
                pipe.publish(channel, data)
            try:
                await pipe.execute()
            except redis_.UNAVAILABLE as error:
                stats.publishes_dropped += len(batch)
                logger.warning("publishes_lost", count=len(batch), error=type(error).__name__)


def _bare_connection() -> Any:
    pool: Any = aredis.ConnectionPool.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT,
        socket_connect_timeout=settings.REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return pool.make_connection()
