"""Who answers what: raw routes, Django, sockets; and the logs of it."""

from __future__ import annotations

import pytest

from config.storage import StaticStorage
from core.errors import MethodNotAllowed
from core.raw import RawRoute, RawRouter, Receive, Scope, Send, discover_routes
from tests.support.inprocess import in_process


async def first(scope: Scope, receive: Receive, send: Send) -> None: ...


async def second(scope: Scope, receive: Receive, send: Send) -> None: ...


def scope(path: str, method: str = "GET") -> Scope:
    return {"path": path, "method": method}


ROUTER = RawRouter(
    [
        RawRoute(r"/rooms/(?P<room_id>[^/]+)/meta", first),
        RawRoute(r"/rooms/(?P<room_id>[^/]+)/ack", second, frozenset({"POST"})),
    ]
)


@pytest.mark.parametrize("path", ["/rooms/7/meta", "/rooms/7/meta/"])
def test_a_raw_route_is_found_with_and_without_the_last_slash(path: str) -> None:
    asked = scope(path)
    assert ROUTER.find(asked) is first
    assert asked["params"] == {"room_id": "7"}


@pytest.mark.parametrize("path", ["/", "/rooms/7", "/rooms/7/meta/more", "/x/rooms/7/meta", "/rooms//meta"])
def test_other_paths_are_for_django(path: str) -> None:
    assert ROUTER.find(scope(path)) is None


def test_the_method_decides_too() -> None:
    assert ROUTER.find(scope("/rooms/7/ack", "POST")) is second
    assert ROUTER.find(scope("/rooms/7/meta", "HEAD")) is first
    with pytest.raises(MethodNotAllowed):
        ROUTER.find(scope("/rooms/7/meta", "DELETE"))


def test_without_routes_everything_is_for_django() -> None:
    assert RawRouter([]).find(scope("/healthz")) is None


def test_the_raw_routes_of_the_apps_are_found() -> None:
    router = RawRouter(discover_routes())
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/me/meta", "/api/v1/rooms/x/meta", "/rooms/x/meta"):
        assert router.find(scope(path)) is not None, path


@pytest.mark.django_db
def test_an_answer_of_django_carries_its_request_id() -> None:
    with in_process() as app:
        given = app.ask("GET", "/api/v1/nowhere", headers={"x-request-id": "from-the-proxy.1"})
        assert given.headers["x-request-id"] == "from-the-proxy.1"
        made = app.ask("GET", "/api/v1/nowhere", headers={"x-request-id": "no good id\r\nx: y"})
        assert made.headers["x-request-id"].isalnum()
        assert made.status == 404
        assert made.json()["errors"][0]["code"] == "not_found"


@pytest.mark.django_db
def test_a_raw_route_refuses_a_method_in_the_one_shape() -> None:
    with in_process() as app:
        refused = app.ask("DELETE", "/healthz")
    assert refused.status == 405
    assert refused.json()["errors"][0]["code"] == "method_not_allowed"


def rewritten(text: str) -> str:
    """The module as it is served when every file has the hash ``h``."""
    for pattern, template in StaticStorage()._patterns["js/*.js"]:
        text = pattern.sub(
            lambda match, template=template: (
                template % {**match.groupdict(), "url": match["url"].removesuffix(".js") + ".h.js"}
            ),
            text,
        )
    return text


@pytest.mark.parametrize(
    ("written", "served"),
    [
        ('import { a } from "./a.js";', 'import { a } from "./a.h.js";'),
        ("import {a as b}from'../a.js';", 'import {a as b}from "../a.h.js";'),
        ('import * as a from "./a.js"', 'import * as a from "./a.h.js"'),
        ('import a, {\n  b,\n  c,\n} from "./a.js";', 'import a, {\n  b,\n  c,\n} from "./a.h.js";'),
        ('import "./a.js";', 'import "./a.h.js";'),
        ('export * from "./a.js";', 'export * from "./a.h.js";'),
        ('export { a } from "./a.js";', 'export { a } from "./a.h.js";'),
        ('const a = await import("./a.js");', 'const a = await import("./a.h.js");'),
        # One statement never reaches into the next.
        ('import "./a.js";\nexport * from "./b.js";', 'import "./a.h.js";\nexport * from "./b.h.js";'),
        (
            'import { a } from "lit";\nexport { b } from "./b.js";',
            'import { a } from "lit";\nexport { b } from "./b.h.js";',
        ),
    ],
)
def test_imports_of_modules_get_hashed_names(written: str, served: str) -> None:
    assert rewritten(written) == served


@pytest.mark.parametrize(
    "written",
    [
        'import { html } from "lit";',
        '/** @param {import("./types.js").Room} room */',
        '/** @import {Room} from "./types.js" */',
        'export const a = 1; const b = "./a.js";',
        "obj.import('./a.js');",
        'const text = `from "./a.js"`;',
    ],
)
def test_what_is_no_import_of_a_file_stays(written: str) -> None:
    assert rewritten(written) == written
