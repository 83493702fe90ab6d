"""The access log, and the ids by which the log lines of one request or one socket are found."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from prometheus_client import Histogram

from core.raw import Handler, Message, Receive, Scope, Send

logger = structlog.get_logger("parley.access")

SECONDS = Histogram(
    "parley_http_request_seconds",
    "How long Django's answers take.",
    ["method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
# Anything may come in as a method; a label must not.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUEST_ID = b"x-request-id"
_GOOD_ID = re.compile(rb"[\w.-]{8,64}")


def request_id(scope: Scope) -> str:
    """The id that a proxy gave the request, or a new one."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _GOOD_ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(8)


async def logged(app: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """Run ``app`` for an HTTP request; log it when it is answered and put its id into the answer."""
    began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    identity = request_id(scope)
    structlog.contextvars.bind_contextvars(request_id=identity)
    status = 0
    header = (REQUEST_ID, identity.encode())

    async def answer(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            message["headers"] = [*message.get("headers", ()), header]
        await send(message)

    try:
        await app(scope, receive, answer)
    finally:
        seconds = time.perf_counter() - began
        SECONDS.labels(scope["method"] if scope["method"] in METHODS else "other", status).observe(seconds)
        logger.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            # Names only: values may be tokens or what people search for.
            query=_names(scope["query_string"]),
            status=status,
            ms=round(seconds * 1000, 1),
            client=(scope.get("client") or ("",))[0],
        )


async def logged_socket(app: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """Run ``app`` for a WebSocket; log its beginning and its end."""
    began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(connection_id=secrets.token_hex(8))
    client = (scope.get("client") or ("",))[0]
    logger.info("socket_opened", path=scope["path"], query=_names(scope["query_string"]), client=client)
    code: int | None = None

    async def listen() -> Message:
        nonlocal code
        message = await receive()
        if message["type"] == "websocket.disconnect":
            code = message.get("code")
        return message

    async def answer(message: Message) -> None:
        nonlocal code
        if message["type"] == "websocket.close":
            code = message.get("code", 1000)
        await send(message)

    try:
        await app(scope, listen, answer)
    finally:
        logger.info("socket_closed", code=code, seconds=round(time.perf_counter() - began, 1))


def _names(query: bytes) -> str:
    names = [part.split(b"=", 1)[0] for part in query.split(b"&")[:20]]
    return b"&".join(names).decode("ascii", "replace")[:200]
