"""The Channels consumer of all WebSocket endpoints: from ASGI's events to a ``Session`` and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import structlog
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from django.db import Error as DatabaseFailure

from core import ratelimit
from core.errors import InvalidToken, ParleyError, RateLimited, TooManyConnections, Unavailable, error_body
from realtime import admission, codec, pushes, runtime
from realtime.close_codes import CloseCode
from realtime.codec import FrameError, Vsn
from realtime.dialects import Dialect
from realtime.outbox import AsgiOutbox, DirectOutbox, Outbox
from realtime.protocol import EXTENSION, SocketProtocol
from realtime.session import Session

logger = structlog.get_logger(__name__)

Event = dict[str, Any]


class SocketConsumer(AsyncConsumer):
    """One WebSocket. ``dialect`` and ``vsn`` are those of an endpoint whose client names none."""

    # Scopes and events of ASGI are dictionaries of anything.
    _scope: Any
    _send: Callable[[Event], Awaitable[None]]

    def __init__(self, dialect: Dialect, vsn: Vsn) -> None:
        self.dialect = dialect
        self.vsn = vsn
        self.session: Session | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle the events one after the other: a client's pushes take effect in its order.

        Channels would wait for a channel layer here too, with two tasks for each event; nothing
        comes to us by a channel layer.
        """
        self._scope, self._send = scope, send
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        finally:
            if self.session is not None:
                self.session.closed()

    async def dispatch(self, message: Any) -> None:
        """As Channels does, without the thread that it would start for every event to look after
        database connections: ours live in threads of their own."""
        kind = message["type"]
        if kind == "websocket.receive":
            await self.websocket_receive(message)
        elif kind == "websocket.connect":
            await self.websocket_connect(message)
        elif kind == "websocket.disconnect":
            raise StopConsumer

    async def websocket_connect(self, message: Event) -> None:
        """Let the client in, or refuse it with the status that says why."""
        headers = admission.headers_of(self._scope["headers"])
        if not admission.origin_is_allowed(headers):
            await self._send({"type": "websocket.close"})
            raise StopConsumer
        hub = runtime.hub()
        if hub is None:
            await self._refuse(Unavailable())
        query = admission.query_of(self._scope["query_string"])
        address = (self._scope.get("client") or ("",))[0]
        limited = not (ratelimit.is_loopback(address) and settings.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK)
        if limited and hub.sessions.count_of_address(address) >= settings.MAX_SOCKETS_PER_ADDRESS:
            await self._refuse(TooManyConnections())
        try:
            vsn = codec.parse_vsn(query.get("vsn"), self.vsn)
        except FrameError as error:
            await self._refuse(ParleyError(str(error), attr="vsn"))
        outbox = self._outbox()
        self.session = Session(hub, outbox, vsn=vsn, dialect=self.dialect, address=address, limited=limited)
        connection = self._connection()
        if connection is not None:
            self.session.last_pong = lambda: connection.heard_at
        await self._sign_in(self.session, headers, query)
        await self._accept()

    async def _accept(self) -> None:
        # A browser that offered subprotocols takes no answer without one.
        offered = admission.SUBPROTOCOL in self._scope.get("subprotocols", ())
        await self._send({"type": "websocket.accept", "subprotocol": admission.SUBPROTOCOL if offered else None})

    async def _sign_in(self, session: Session, headers: dict[str, str], query: dict[str, str]) -> None:
        token = admission.token_of(headers, query, self._scope.get("subprotocols", []))
        problem: ParleyError | None = None
        if token is not None:
            try:
                await session.authenticate(token)
            except InvalidToken:
                # Stock clients reconnect with the token of their first day and bring the present one
                # in the join; until then this is a guest's connection.
                problem = None
            except TooManyConnections as error:
                problem = error
            except DatabaseFailure:
                logger.exception("sign_in_not_checked")
                await self._refuse(Unavailable())
        try:
            who = session.user_id or ratelimit.address_key(session.address)
            await ratelimit.acheck("connect", who, loopback=not session.is_limited)
        except RateLimited as error:
            problem = error
        if isinstance(problem, RateLimited):
            await self._refuse(problem)
        elif problem is not None:
            await self._accept()
            session.close(CloseCode.TOO_MANY_CONNECTIONS, str(problem.detail))
            raise StopConsumer

    async def websocket_receive(self, message: Event) -> None:
        """One frame."""
        session = self.session
        if session is None or session.is_closed:
            return
        data: str | bytes | None = message.get("text")
        if data is None:
            data = message.get("bytes") or b""
        if len(data) > settings.MAX_FRAME_BYTES:
            session.close(CloseCode.MESSAGE_TOO_BIG, f"a frame has at most {settings.MAX_FRAME_BYTES} bytes")
            return
        await pushes.receive(session, data)

    def _connection(self) -> SocketProtocol | None:
        found: SocketProtocol | None = self._scope.get("extensions", {}).get(EXTENSION, {}).get("connection")
        return found

    def _outbox(self) -> Outbox:
        connection = self._connection()
        if connection is not None:
            return DirectOutbox(connection)
        task = asyncio.current_task()
        assert task is not None
        return AsgiOutbox(self._send, task.cancel)

    async def _refuse(self, error: ParleyError) -> NoReturn:
        """Answer the handshake with the error's status where the server can, else just refuse it."""
        if "websocket.http.response" in self._scope.get("extensions", {}):
            headers = [(b"content-type", b"application/json")]
            if isinstance(error, RateLimited):
                headers.append((b"retry-after", str(error.wait).encode()))
            await self._send({"type": "websocket.http.response.start", "status": error.status_code, "headers": headers})
            await self._send({"type": "websocket.http.response.body", "body": codec.dump(error_body(error))})
        else:
            await self._send({"type": "websocket.close"})
        raise StopConsumer
