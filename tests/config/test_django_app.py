"""Django beside the sockets: bodies, limits, streams, clients that go away."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from pytest_django.fixtures import Settings

from config.application import answer_errors
from config.django_app import MAX_DRAIN, ThreadedDjango

LIMIT = 1000
asked_by: contextvars.ContextVar[str] = contextvars.ContextVar("asked_by", default="nobody")
together = threading.Barrier(2)
running = 0
most = 0
lock = threading.Lock()


def echo(request: HttpRequest) -> HttpResponse:
    response = JsonResponse({"size": len(request.body), "query": request.GET.dict(), "by": asked_by.get()})
    response.set_cookie("one", "1")
    response.set_cookie("two", "2")
    response["X-Name"] = "Grüße"
    return response


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b"first,"
        yield b"second"

    return StreamingHttpResponse(parts())


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret of the server")


def pair(request: HttpRequest) -> HttpResponse:
    """Answers when two are in it at once."""
    global running, most
    with lock:
        running += 1
        most = max(most, running)
    together.wait(10)
    with lock:
        running -= 1
    return HttpResponse()


urlpatterns = [path("echo", echo), path("stream", stream), path("api/broken", broken), path("pair", pair)]
handler500 = "config.views.server_error"
handler404 = "config.views.not_found"


@pytest.fixture
def app(settings: Settings) -> Iterator[ThreadedDjango]:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    yield (made := ThreadedDjango(threads=2, max_body=LIMIT))
    made._pool.shutdown()


class Call:
    """One request and what comes back."""

    def __init__(self, target: str, *chunks: bytes, method: str = "POST", gone: bool = False) -> None:
        name, _, query = target.partition("?")
        self.scope = {
            "type": "http",
            "method": method,
            "path": name,
            "query_string": query.encode("latin-1"),
            "headers": [(b"host", b"testserver")],
            "root_path": "",
        }
        self._chunks = list(chunks) or [b""]
        self._gone = gone
        self.read = 0
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if not self._chunks:
            assert self._gone, "the body was read past its end"
            return {"type": "http.disconnect"}
        chunk = self._chunks.pop(0)
        self.read += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks) or self._gone}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def to(self, app: ThreadedDjango) -> Call:
        await answer_errors(app, self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    def headers(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.sent[0]["headers"] if key == name]


async def test_a_request_with_a_body_in_parts(app: ThreadedDjango) -> None:
    asked_by.set("the test")
    call = await Call("/echo?q=1", b"a" * 400, b"b" * 600).to(app)
    assert call.status == 200
    assert call.body == b'{"size": 1000, "query": {"q": "1"}, "by": "the test"}'
    assert len(call.headers(b"set-cookie")) == 2
    assert call.headers(b"x-name") == ["Grüße".encode("latin-1")]


async def test_a_query_that_is_not_text(app: ThreadedDjango) -> None:
    assert (await Call("/echo?q=%ff").to(app)).status == 200
    refused = await Call("/echo?r=\xe9").to(app)
    assert refused.status == 400
    assert b'"code":"invalid"' in refused.body


async def test_a_body_over_the_limit_is_refused_in_the_one_shape(app: ThreadedDjango) -> None:
    call = await Call("/echo", b"a" * 600, b"b" * 600, b"c" * 600).to(app)
    assert call.status == 413
    assert b'"code":"payload_too_large"' in call.body
    assert call.headers(b"connection") == [b"close"]
    # The client sends all of it before it reads: what is not read would break its connection.
    assert call.read == 1800


async def test_a_body_without_end_is_not_read_without_end(app: ThreadedDjango) -> None:
    piece = b"x" * (1024 * 1024)
    call = await Call("/echo", *[piece] * 100).to(app)
    assert call.status == 413
    assert call.read <= LIMIT + MAX_DRAIN + 2 * len(piece)


async def test_a_client_that_goes_away_is_not_answered(app: ThreadedDjango) -> None:
    call = await Call("/echo", b"half", gone=True).to(app)
    assert call.sent == []


async def test_a_streamed_answer_comes_in_parts(app: ThreadedDjango) -> None:
    call = await Call("/stream").to(app)
    assert [message.get("body") for message in call.sent[1:]] == [b"first,", b"second", b""]
    assert [message.get("more_body", False) for message in call.sent[1:]] == [True, True, False]


async def test_a_mistake_in_a_view_is_told_in_the_one_shape_and_not_in_detail(app: ThreadedDjango) -> None:
    call = await Call("/api/broken").to(app)
    assert call.status == 500
    assert b'"server_error"' in call.body
    assert b"secret" not in call.body


async def test_an_unknown_path_is_told_in_the_one_shape(app: ThreadedDjango) -> None:
    call = await Call("/api/nowhere", method="GET").to(app)
    assert call.status == 404
    assert b'"code": "not_found"' in call.body


async def test_as_many_requests_at_once_as_there_are_threads(app: ThreadedDjango) -> None:
    calls = await asyncio.wait_for(asyncio.gather(*(Call("/pair").to(app) for _ in range(6))), 20)
    assert [call.status for call in calls] == [200] * 6
    assert most == 2


async def test_an_answer_that_breaks_off_is_not_begun_again(app: ThreadedDjango) -> None:
    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("too late")

    call = Call("/echo")
    await answer_errors(breaks, call.scope, call.receive, call.send)
    assert [message["type"] for message in call.sent] == ["http.response.start"]
