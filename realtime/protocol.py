"""uvicorn's WebSocket protocol, with its transport within reach of our outbox.

ASGI knows one ``send`` per frame, which builds the WebSocket frame anew for each socket, and no way
to end a connection whose client does not read. Settings name this class for uvicorn
(``WEBSOCKET_PROTOCOL``); under another server the consumer falls back to ``send``.
"""

from __future__ import annotations

import random

from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame
from websockets.http11 import Request

from realtime.close_codes import CloseCode
from realtime.outbox import CLOSE_SECONDS

_random = random.SystemRandom()

EXTENSION = "parley.connection"

# A stopping server tells so many sockets a second to reconnect, and takes no longer than this (s).
DRAIN_SOCKETS_PER_SECOND = 1000
MAX_DRAIN_SECONDS = 5.0
# RFC 6455, section 5.5: a control frame carries at most 125 bytes, two of them the code.
_MAX_REASON_BYTES = 123


class SocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket on uvicorn; a ``realtime.outbox.Connection``."""

    # When the client last answered a ping, by the loop's clock: browsers do so where the timers of
    # a hidden page sleep.
    heard_at = 0.0

    def handle_connect(self, event: Request) -> None:
        """Put the connection into the scope (the task that reads it has not begun yet)."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = {"connection": self}

    def write(self, data: bytes) -> None:
        """Put whole WebSocket frames into the transport."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(data)

    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""
        return self.transport.get_write_buffer_size()

    def shut(self, code: int, reason: str) -> None:
        """Send a closing frame and end the connection within ``CLOSE_SECONDS``, read or not."""
        if self.close_sent or self.transport.is_closing():
            return
        if not self.handshake_complete:
            self.transport.close()
            return
        reason = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
        event: ASGIReceiveEvent = {"type": "websocket.disconnect", "code": int(code), "reason": reason}
        self.queue.put_nowait(event)
        try:
            self.conn.send_close(int(code), reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
        except InvalidState:  # the client's own closing frame has been answered already
            self.transport.close()
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.stop_keepalive()
        # uvicorn cancels it when the client answers in time.
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def handle_pong(self, event: Frame) -> None:
        """The client lives, whatever its page does."""
        self.heard_at = self.loop.time()
        super().handle_pong(event)

    def keepalive_timeout(self) -> None:
        """No answer to a ping: uvicorn would wait for the client to take what it was sent."""
        self.shut(CloseCode.GOING_AWAY, "no answer to a ping")

    def shutdown(self) -> None:
        """The server stops: tell the client to reconnect, not all clients at the same moment."""
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
            return
        window = min(MAX_DRAIN_SECONDS, len(self.connections) / DRAIN_SOCKETS_PER_SECOND)
        self.loop.call_later(_random.uniform(0, window), self.shut, CloseCode.RESTARTING, "the server restarts")
