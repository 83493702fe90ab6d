"""Which endpoints there are, and what a client speaks that does not say so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from realtime.codec import Vsn
from realtime.consumer import SocketConsumer
from realtime.dialects import CHAN, PHX, Dialect

# Path → names of the protocol's events, and the serializer when ``vsn`` is missing.
ENDPOINTS: dict[str, tuple[Dialect, Vsn]] = {
    "/socket/websocket": (PHX, Vsn.OBJECTS),
    "/realtime/v1/websocket": (PHX, Vsn.OBJECTS),
    "/ws": (CHAN, Vsn.ARRAYS),
}


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """The ASGI application of WebSockets."""
    endpoint = ENDPOINTS.get(scope["path"].rstrip("/"))
    if endpoint is None:
        await receive()
        await send({"type": "websocket.close"})
        return
    await SocketConsumer(*endpoint)(scope, receive, send)
