"""Django's views beside the sockets: synchronous, in a small pool of threads of the same process.

The request is read in the event loop, answered in a thread, and sent from the event loop: two
hops in all, where Django's own ASGI handler makes one for every synchronous middleware and
signal. The figures are in ``docs/adr/``.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core import signals
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from core.errors import Invalid, PayloadTooLarge
from core.raw import Receive, Scope, Send

# Bytes of a body past the limit that are read and thrown away, so that the client, who sends
# before it reads, sees the answer instead of a broken connection.
MAX_DRAIN = 32 * 1024 * 1024


class ClientGone(Exception):
    """The client went away before its request was whole."""


class ThreadedDjango(BaseHandler):
    """Django as an ASGI app. ``threads``: how many requests are answered at a time."""

    def __init__(self, *, threads: int, max_body: int) -> None:
        super().__init__()
        self.load_middleware(is_async=False)
        self.max_body = max_body
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="django")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request. Raises PayloadTooLarge, Invalid."""
        try:
            body = await read_body(scope, receive, self.max_body)
        except ClientGone:
            return
        response = await self._in_thread(self._respond, scope, body)
        try:
            await self._send(response, send)
        finally:
            # Runs what was put off to the end of the request, and gives old connections back.
            await self._in_thread(response.close)

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, contextvars.copy_context().run, function, *arguments)

    def _respond(self, scope: Scope, body: bytes) -> HttpResponseBase:
        try:
            request = ASGIRequest(scope, io.BytesIO(body))
        except UnicodeDecodeError as error:
            raise Invalid("The address is not written in UTF-8.") from error
        set_script_prefix(scope.get("root_path", ""))
        signals.request_started.send(sender=self.__class__, scope=scope)
        response = self.get_response(request)
        # Whom `response.close` names when it says that the request is over.
        response._handler_class = self.__class__  # type: ignore[attr-defined]  # as Django's own handlers do
        return response

    async def _send(self, response: HttpResponseBase, send: Send) -> None:
        headers = [(name.encode("ascii").lower(), value.encode("latin-1")) for name, value in response.items()]
        headers += [(b"set-cookie", cookie.output(header="").strip().encode()) for cookie in response.cookies.values()]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        if isinstance(response, StreamingHttpResponse):
            chunks = iter(response)
            while (chunk := await self._in_thread(_next, chunks)) is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        elif isinstance(response, HttpResponse):
            await send({"type": "http.response.body", "body": response.content})


def _next(chunks: Iterator[bytes]) -> bytes | None:
    return next(chunks, None)


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises PayloadTooLarge past ``limit`` bytes, ClientGone when it breaks off."""
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            parts.append(chunk)
        elif size > limit + MAX_DRAIN:
            break
        more = message.get("more_body", False)
    if size > limit:
        raise PayloadTooLarge(f"A request may have at most {limit} bytes.")
    return b"".join(parts)
