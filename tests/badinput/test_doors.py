"""The corpus of bad input at every door of the API: a clear error of the one shape, and nothing written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from rest_framework_simplejwt.tokens import AccessToken

from accounts.services import sign_ins
from tests.badinput.conftest import Asker
from tests.badinput.corpus import (
    BAD_QUERY_VALUES,
    JSON,
    QUERY_NAMES,
    Must,
    bad_bodies,
    bad_ids,
    bad_tokens,
    bad_values,
    with_name_twice,
    with_value,
)
from tests.matrix.table import read_table
from tests.support.cast import Cast
from tests.support.doors import Door, http_doors
from tests.support.samples import SAMPLES, request

PART = "owner"
API = [door for door in http_doors() if door.path.startswith("/api/v1/")]
ANONYMOUS = {row.door: row.answers["anonymous"] for row in read_table()}
PROTECTED = [door for door in API if ANONYMOUS.get(door.name) == "401"]
WITH_ID = [door for door in API if "{" in door.path]
TAKING = [door for door in API if door.method in {"POST", "PUT", "PATCH"}]
TELLING = [door for door in TAKING if door.name in SAMPLES and SAMPLES[door.name].body is not None]

each = pytest.mark.parametrize


def _body(door: Door, cast: Cast) -> dict[str, Any]:
    sample = SAMPLES[door.name].body
    assert sample is not None
    found: dict[str, Any] = sample(cast, PART)
    return found


@each("door", PROTECTED, ids=lambda door: door.name)
def test_bad_tokens(door: Door, asker: Asker, cast: Cast) -> None:
    good = request(door, cast, PART)
    headers = {name: value for name, value in good.headers.items() if name != "authorization"}

    def refused(name: str, **given: str) -> None:
        asker.ask(name, door.method, good.target, body=good.body, headers={**headers, **given}, statuses={401})

    refused("no token")
    for name, value in bad_tokens(cast.token(PART)):
        refused(name, authorization=value)
    refused("an expired token", authorization=f"Bearer {_expired(cast)}")
    refused("a refresh token", authorization=f"Bearer {sign_ins.issue_tokens(cast.people[PART])['refresh']}")


def _expired(cast: Cast) -> str:
    token = AccessToken(cast.token(PART))  # type: ignore[arg-type]  # the library means text here
    token.set_exp(lifetime=-timedelta(seconds=1))
    return str(token)


@each("door", WITH_ID, ids=lambda door: door.name)
def test_bad_ids(door: Door, asker: Asker, cast: Cast) -> None:
    good = request(door, cast, PART)
    for name, value in bad_ids():
        first = door.path.index("{")
        broken = door.path[:first] + value + door.path[door.path.index("}") + 1 :]
        # What follows keeps its good values.
        target = request(Door(broken, door.method, ()), cast, PART).target
        query = f"?{good.target.partition('?')[2]}" if "?" in good.target else ""
        asker.ask(
            f"the id {name}",
            door.method,
            target + query,
            body=good.body,
            headers=good.headers,
            statuses={400, 404, 405},
        )


@each("door", TAKING, ids=lambda door: door.name)
def test_bad_bodies(door: Door, asker: Asker, cast: Cast) -> None:
    good = request(door, cast, PART)
    for case in bad_bodies():
        # A door that reads no body does not mind what it is, but for its size.
        must = case.must if door in TELLING or 413 in case.statuses else Must.HANDLE
        headers = {**good.headers, "content-type": case.content_type}
        asker.ask(
            f"the body: {case.name}",
            door.method,
            good.target,
            body=case.body,
            headers=headers,
            must=must,
            statuses=case.statuses if door in TELLING else (),
        )


@each("door", TELLING, ids=lambda door: door.name)
def test_bad_values(door: Door, asker: Asker, cast: Cast) -> None:
    good, body = request(door, cast, PART), _body(door, cast)
    headers = {**good.headers, "content-type": JSON}
    for name, value in body.items():
        for case in bad_values(name, value):
            asker.ask(
                f"{name}: {case.name}",
                door.method,
                good.target,
                body=with_value(body, name, case.json),
                headers=headers,
                must=case.must,
                statuses={400, 401, 403, 404, 409, 413},
            )
        left = orjson.dumps({key: one for key, one in body.items() if key != name})
        asker.ask(f"no {name}", door.method, good.target, body=left, headers=headers, must=Must.HANDLE)
    twice = with_name_twice(body)
    asker.ask("each name twice", door.method, good.target, body=twice, headers=headers, must=Must.HANDLE)


@each("door", API, ids=lambda door: door.name)
def test_bad_queries(door: Door, asker: Asker, cast: Cast) -> None:
    good = request(door, cast, PART)
    path = good.target.partition("?")[0]
    # Doors that write read their body; a few odd queries must do there.
    values = BAD_QUERY_VALUES if door.method == "GET" else ("%00", "%ff")
    for name in QUERY_NAMES:
        for value in values:
            asker.ask(
                "this query",
                door.method,
                f"{path}?{name}={value}",
                body=good.body,
                headers=good.headers,
                must=Must.HANDLE,
            )
    asker.ask(
        "a broken query", door.method, f"{path}?&&=&%&%f&a", body=good.body, headers=good.headers, must=Must.HANDLE
    )


@each("path", sorted({door.path for door in API}))
def test_other_methods(path: str, asker: Asker, cast: Cast) -> None:
    taken = {door.method for door in API if door.path == path}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "BREW"):
        if method not in taken:
            sent = request(Door(path, method, ()), cast, PART)
            asker.ask("another method", method, sent.target, headers=sent.headers, statuses={405})


def test_unknown_paths(asker: Asker, cast: Cast) -> None:
    for path in (
        "/api/v1/nowhere",
        "/api/nowhere",
        "/api/v2/rooms",
        "/api",
        "/api/v1",
        "/api/v1/rooms/a/b/c/d",
        "/api/%00",
    ):
        for part in ("anonymous", PART):
            asker.ask(f"an unknown path by {part}", "GET", path, headers=cast.headers(part), statuses={404})
            asker.ask(f"an unknown path by {part}", "POST", path, body=b"{", headers=cast.headers(part), statuses={404})
