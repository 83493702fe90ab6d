"""Which endpoints there are, and what a client speaks that does not say so."""

from __future__ import annotations

from core.raw import Receive, Scope, Send
from realtime.codec import Vsn
from realtime.consumer import SocketConsumer
from realtime.dialects import CHAN, PHX, Dialect

# Path → names of the protocol's events, and the serializer when ``vsn`` is missing.
ENDPOINTS: dict[str, tuple[Dialect, Vsn]] = {
    "/socket/websocket": (PHX, Vsn.OBJECTS),
    "/realtime/v1/websocket": (PHX, Vsn.OBJECTS),
    "/ws": (CHAN, Vsn.ARRAYS),
}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of WebSockets."""
    endpoint = ENDPOINTS.get(scope["path"].rstrip("/"))
    if endpoint is None:
        await receive()
        await send({"type": "websocket.close"})
        return
    await SocketConsumer(*endpoint)(scope, receive, send)
