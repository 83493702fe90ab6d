"""What waits to be written to one client, bounded, without anybody waiting for it.

Sending never blocks: whoever has a frame for a thousand sockets hands it to a thousand outboxes
and is done. The frames that one turn of the event loop brings to a socket are joined into one
write. A client that reads too slowly is closed when more than ``MAX_SOCKET_BUFFER_BYTES`` wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog
from django.conf import settings

from realtime.close_codes import CloseCode
from realtime.frames import Encoded
from realtime.stats import stats

logger = structlog.get_logger(__name__)

# Seconds that a client gets to take a closing frame.
CLOSE_SECONDS = 5.0
# Where a sender that produces much (recovery) waits for the client to read.
_DRAIN_BELOW = 128 * 1024


class Outbox(Protocol):
    """The way to one client."""

    closed: bool

    def send(self, frame: Encoded) -> None:
        """Queue a frame; nothing once closed. Closes the socket of a client that reads too slowly."""

    def close(self, code: int, reason: str) -> None:
        """Close after what is queued; what comes later is dropped."""

    async def drain(self) -> None:
        """Wait until little is queued, or the socket is closed."""


class Connection(Protocol):
    """What ``DirectOutbox`` needs of the server's side of a WebSocket."""

    writable: asyncio.Event

    def write(self, data: bytes) -> None:
        """Put whole WebSocket frames into the transport."""

    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""

    def shut(self, code: int, reason: str) -> None:
        """Send a closing frame and end the connection within ``CLOSE_SECONDS``, read or not."""


class _Turn:
    """The outboxes with something to write in this turn of the loop."""

    def __init__(self) -> None:
        self._dirty: list[DirectOutbox] = []

    def add(self, outbox: DirectOutbox) -> None:
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty.append(outbox)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for outbox in dirty:
            try:
                outbox.flush()
            except Exception:
                # One broken line must not keep the others from being written.
                logger.exception("write_failed")


_turn = _Turn()


class DirectOutbox:
    """Writes finished WebSocket frames into the transport, those of a turn of the loop in one write."""

    __slots__ = ("_bytes", "_connection", "_pending", "closed")

    def __init__(self, connection: Connection) -> None:
        self.closed = False
        self._connection = connection
        self._pending: list[bytes] = []
        self._bytes = 0

    def send(self, frame: Encoded) -> None:
        """As ``Outbox`` says."""
        # A burst is written in portions, so that the bound is held within one turn too.
        if self.closed or (self._bytes > _DRAIN_BELOW and not self.flush()):
            return
        if not self._pending:
            _turn.add(self)
        data = frame.framed
        self._pending.append(data)
        self._bytes += len(data)

    def flush(self) -> bool:
        """Write what has gathered; False when the socket is closed, perhaps just now, for being slow."""
        pending, self._pending, self._bytes = self._pending, [], 0
        if self.closed or not pending:
            return not self.closed
        if self._connection.waiting() > settings.MAX_SOCKET_BUFFER_BYTES:
            stats.slow_closes += 1
            self.close(CloseCode.SLOW_CONSUMER, "you read too slowly")
            return False
        stats.frames_out += len(pending)
        self._connection.write(pending[0] if len(pending) == 1 else b"".join(pending))
        return True

    def close(self, code: int, reason: str) -> None:
        """As ``Outbox`` says."""
        if not self.closed:
            self.closed = code == CloseCode.SLOW_CONSUMER
            self.flush()
            self.closed = True
            self._connection.shut(code, reason)
            # Whoever drains is not to wait for a client that is gone.
            self._connection.writable.set()

    async def drain(self) -> None:
        """As ``Outbox`` says."""
        if self.flush():
            await self._connection.writable.wait()


class AsgiOutbox:
    """Writes through ASGI's ``send``, for servers whose transport is out of reach."""

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]], abort: Callable[[], object]) -> None:
        """``abort`` ends the connection of a client that does not take its closing frame."""
        self.closed = False
        self._send = send
        self._abort = abort
        self._pending: deque[tuple[dict[str, Any], int]] = deque()
        self._bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    def send(self, frame: Encoded) -> None:
        """As ``Outbox`` says."""
        if self.closed:
            return
        if self._bytes > settings.MAX_SOCKET_BUFFER_BYTES:
            stats.slow_closes += 1
            self._pending.clear()
            self.close(CloseCode.SLOW_CONSUMER, "you read too slowly")
            return
        self._queue(frame.asgi(), len(frame.data))

    def close(self, code: int, reason: str) -> None:
        """As ``Outbox`` says."""
        if not self.closed:
            self.closed = True
            self._room.set()
            self._queue({"type": "websocket.close", "code": int(code), "reason": reason}, 0)
            self._deadline = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._give_up)

    async def drain(self) -> None:
        """As ``Outbox`` says."""
        if not self.closed:
            await self._room.wait()

    def _queue(self, event: dict[str, Any], size: int) -> None:
        self._pending.append((event, size))
        self._bytes += size
        if self._bytes > _DRAIN_BELOW and not self.closed:
            self._room.clear()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    def _give_up(self) -> None:
        if self._writer is not None and not self._writer.done():
            self._writer.cancel()
            self._abort()

    async def _write(self) -> None:
        while self._pending:
            event, size = self._pending.popleft()
            try:
                await self._send(event)
            except OSError:  # the client is gone; the consumer hears it by the disconnect event
                self._pending.clear()
                self.closed = True
                self._room.set()
                return
            if event["type"] == "websocket.close":
                return
            stats.frames_out += 1
            self._bytes -= size
            if self._bytes <= _DRAIN_BELOW:
                self._room.set()
