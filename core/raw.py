"""Routes that answer ahead of Django, for what is asked tens of thousands of times a second.

An app lists them in its ``raw_routes.py``::

    routes = [RawRoute(r"/api/v1/rooms/(?P<room_id>[0-9a-f-]{36})/meta", room_meta)]

The handler is an ASGI app; what the pattern named stands in ``scope["params"]``. A handler may
raise a ``ParleyError``: the answer then has the one shape of errors, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import orjson
from django.apps import apps
from django.utils.module_loading import module_has_submodule

from core.errors import MethodNotAllowed, NotAuthenticated, ParleyError, error_body

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
# May be kept by the client alone, and is to be asked about before every use.
REVALIDATE = (b"cache-control", b"private, no-cache")
UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class RawRoute:
    """``pattern`` must match the whole path, with or without a last slash; ``methods`` are upper case.

    ``path`` and ``operation`` describe its GET in the generated OpenAPI, where the route belongs there.
    """

    pattern: str
    handler: Handler
    methods: frozenset[str] = frozenset({"GET", "HEAD"})
    path: str = ""
    operation: Mapping[str, Any] = field(default_factory=dict)


def discover_routes() -> list[RawRoute]:
    """The routes of every app that has a ``raw_routes`` module."""
    modules = [
        import_module(f"{config.name}.raw_routes")
        for config in apps.get_app_configs()
        if config.module is not None and module_has_submodule(config.module, "raw_routes")
    ]
    return [route for module in modules for route in module.routes]


class RawMethodNotAllowed(MethodNotAllowed):
    """405, naming the methods that are allowed."""

    def __init__(self, methods: Iterable[str]) -> None:
        super().__init__()
        self.allow = ", ".join(sorted(methods))


class RawRouter:
    """Finds the route of a path: one regular expression for all of them, tried once per request."""

    def __init__(self, routes: Iterable[RawRoute]) -> None:
        self._routes = [(re.compile(f"(?:{route.pattern})/?"), route) for route in routes]
        # Most requests are for Django: one look tells that no raw route is meant.
        self._any = re.compile("|".join(f"(?:{_unnamed(route.pattern)})/?" for _, route in self._routes) or r"(?!)")

    def find(self, scope: Scope) -> Handler | None:
        """The handler for this request, its parameters put into the scope; None when Django answers.

        Raises MethodNotAllowed when the path is ours and the method is not.
        """
        path: str = scope["path"]
        if not self._any.fullmatch(path):
            return None
        for pattern, route in self._routes:
            if match := pattern.fullmatch(path):
                if scope["method"] not in route.methods:
                    raise RawMethodNotAllowed(route.methods)
                scope["params"] = match.groupdict()
                return route.handler
        return None


def _unnamed(pattern: str) -> str:
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


async def send_body(send: Send, status: int, body: bytes, headers: Headers = ()) -> None:
    """Answer with a whole body; its length is added to the headers."""
    lines = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, body: Any, headers: Headers = ()) -> None:
    """Answer with JSON; ``body`` is what orjson can encode."""
    await send_body(send, status, orjson.dumps(body), [JSON, *headers])


async def send_error(send: Send, error: ParleyError, headers: Headers = ()) -> None:
    """Answer with an error in the one shape."""
    lines = list(headers)
    if wait := getattr(error, "wait", None):
        lines.append((b"retry-after", b"%d" % wait))
    if isinstance(error, RawMethodNotAllowed):
        lines.append((b"allow", error.allow.encode()))
    if error.status_code == UNAUTHORIZED:
        lines.append((b"www-authenticate", b"Bearer"))
    await send_json(send, error.status_code, error_body(error), lines)


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of this name (lower case), or None."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def bearer_token(scope: Scope) -> str:
    """The token of ``Authorization: Bearer …``. Raises NotAuthenticated where there is none."""
    scheme, _, token = (header(scope, b"authorization") or b"").partition(b" ")
    if scheme.lower() != b"bearer":
        raise NotAuthenticated
    return token.strip().decode("latin-1")


def is_known_to_client(scope: Scope, etag: bytes) -> bool:
    """Whether the client's If-None-Match names this tag (RFC 9110, section 13.1.2)."""
    asked = header(scope, b"if-none-match")
    if asked is None:
        return False
    if asked == etag:
        return True
    tags = [tag.strip().removeprefix(b"W/") for tag in asked.split(b",")]
    return etag in tags or tags == [b"*"]


async def send_tagged(scope: Scope, send: Send, body: bytes, etag: bytes) -> None:
    """Answer with JSON under a strong tag: 304 without a body for who has it already."""
    lines = [(b"etag", etag), REVALIDATE]
    if is_known_to_client(scope, etag):
        await send({"type": "http.response.start", "status": 304, "headers": lines})
        await send({"type": "http.response.body", "body": b""})
        return
    lines += [JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
