"""The composition root of a web process: raw routes, then Django; sockets; what runs beside them."""

from __future__ import annotations

import structlog
from django.conf import settings

from config.django_app import ThreadedDjango
from core.errors import InternalError, ParleyError, PayloadTooLarge
from core.raw import Handler, Message, RawRouter, Receive, Scope, Send, discover_routes, send_error
from ops.access import logged, logged_socket
from realtime import runtime
from realtime.routing import application as sockets

logger = structlog.get_logger(__name__)

CLOSE = (b"connection", b"close")


class Application:
    """The ASGI application. It is composed when the server starts it, not when it is imported."""

    def __init__(self) -> None:
        self._router = RawRouter(discover_routes())
        self._django = ThreadedDjango(threads=settings.DJANGO_THREADS, max_body=settings.MAX_BODY_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand each connection to who answers it."""
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await logged_socket(sockets, scope, receive, send)
        elif kind == "lifespan":
            await lifespan(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            raw = self._router.find(scope)
        except ParleyError as error:
            await send_error(send, error)
            return
        if raw is not None:
            # Asked so often that a log line each would cost more than the answer.
            await answer_errors(raw, scope, receive, send)
        else:
            await logged(self._answer_django, scope, receive, send)

    async def _answer_django(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer_errors(self._django, scope, receive, send)


async def answer_errors(app: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """Run ``app``; what it raises becomes an answer in the one shape."""
    started = False

    async def answer(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        await app(scope, receive, answer)
    except ParleyError as error:
        # What is left of a body that is too large is not read: the connection ends with it.
        await send_error(send, error, [CLOSE] if isinstance(error, PayloadTooLarge) else [])
    except Exception:
        logger.exception("request_failed", path=scope["path"])
        if not started:
            await send_error(send, InternalError())


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Start and stop what runs beside the requests: hub, commit thread, invalidation listener."""
    await receive()
    try:
        await runtime.start()
    except Exception as error:
        logger.exception("start_failed")
        await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await runtime.stop()
    await send({"type": "lifespan.shutdown.complete"})
