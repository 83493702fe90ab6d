"""The whole ASGI application without a server: requests are answered in the test's own thread and transaction.

Threads are taken away (whatever would run in one runs at once), so that what a request writes is
undone with the test. What remains of a real server is everything but the network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock
from urllib.parse import unquote

import orjson
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

T = TypeVar("T")


class Inline(Executor):
    """Runs what it is given at once, in the thread of whoever gives it, as if no event loop ran there.

    So Django finds the connection, and with it the transaction, of the test.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run it; the future is done."""
        future: Future[T] = Future()
        loop = asyncio.events._get_running_loop()
        asyncio.events._set_running_loop(None)
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the future's, as in every executor
            future.set_exception(error)
        finally:
            asyncio.events._set_running_loop(loop)
        return future


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return orjson.loads(self.body)


@dataclass(slots=True)
class InProcess:
    """The application. ``address`` is the client's, for limits that are off for loopback."""

    _app: Any
    _runner: asyncio.Runner
    address: str = "127.0.0.1"

    def ask(self, method: str, target: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """One request; ``target`` is a path with its query."""
        return self._runner.run(self._ask(method, target, body, headers or {}))

    async def _ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        path, _, query = target.partition("?")
        given = {"host": "testserver", "content-length": str(len(body)), **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": (self.address, 50000),
            "server": ("testserver", 80),
        }
        # In parts, as from a network.
        parts = [body[start : start + 65536] for start in range(0, len(body), 65536)] or [b""]
        incoming = iter(
            [
                {"type": "http.request", "body": part, "more_body": number < len(parts) - 1}
                for number, part in enumerate(parts)
            ]
        )
        status, collected = 0, bytearray()
        received: dict[str, str] = {}

        async def receive() -> Mapping[str, Any]:
            return next(incoming, {"type": "http.disconnect"})

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                received.update((name.decode(), value.decode("latin-1")) for name, value in message["headers"])
            else:
                collected.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        return Answer(status, received, bytes(collected))


@contextmanager
def in_process(address: str = "127.0.0.1") -> Iterator[InProcess]:
    """The application with its threads taken away."""
    # Without it WhiteNoise warns, as soon as the application is imported.
    Path(settings.STATIC_ROOT).mkdir(exist_ok=True)
    from config.asgi import Application
    from core.cache import threads

    app = Application()
    app._django._pool = Inline()  # type: ignore[assignment]  # it is used as an executor alone
    inline = mock.patch.object(threads, "_pool", Inline())
    # The end of a request would close the connection, and the test's transaction with it.
    kept = mock.patch.object(threads, "close_old_connections")
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        with inline, kept, asyncio.Runner() as runner:
            yield InProcess(app, runner, address)
            runner.run(_close_redis())
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


async def _close_redis() -> None:
    from core import redis

    await redis.async_client().aclose()
