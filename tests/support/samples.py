"""A good request for every door that needs more than its path: what the matrix sends, and what bad input is made of.

A door whose body or parameters are not told here is asked with an empty body and the cast's own ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson

from accounts.models import SignIn
from accounts.services.sign_ins import issue_tokens
from core.clock import now
from tests.support.cast import PASSWORD, Cast
from tests.support.doors import Door

Body = dict[str, Any]
# What a sample may depend on: the cast, and whose request it is.
Made = Callable[[Cast, str], Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """``body`` and ``query`` of the request, and parameters of the path that are not the usual ones."""

    body: Made | None = None
    query: Made | None = None
    names: Mapping[str, Made] = field(default_factory=dict)


def _own_device(cast: Cast, part: str) -> str:
    """Another device of the same person (nobody's, for the anonymous)."""
    if part == "anonymous":
        return str(cast.sign_ins["other"].pk)
    device = SignIn.objects.create(user=cast.people[part], created_at=now(), last_seen_at=now())
    return str(device.pk)


def _own_message(cast: Cast, part: str) -> str:
    return cast.messages[part]


def _refresh(cast: Cast, part: str) -> Body:
    return {"refresh": issue_tokens(cast.people["other"])["refresh"]}


CSRF = "c" * 32

# Where a parameter of that name leads, unless a sample says otherwise.
USUAL: Mapping[str, Made] = {
    "room_id": lambda cast, part: cast.room,
    "message_id": lambda cast, part: cast.messages["other"],
    "user_id": lambda cast, part: cast.id_of("other"),
    "device_id": lambda cast, part: cast.sign_ins["other"].pk,
    "code": lambda cast, part: cast.invite,
    "id": lambda cast, part: cast.room,
}


@dataclass(frozen=True, slots=True)
class Variant:
    """What a variant of a row changes in the request: parameters of the path, and fields of the body."""

    names: Mapping[str, Made] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


def _part(name: str) -> Made:
    return lambda cast, part: cast.id_of(name)


REASON = {"reason": "somebody complained"}
VARIANTS: Mapping[str, Variant] = {
    "": Variant(),
    "own": Variant({"message_id": _own_message, "device_id": _own_device}),
    "self": Variant({"user_id": lambda cast, part: cast.id_of("other" if part == "anonymous" else part)}),
    "public": Variant({"room_id": lambda cast, part: cast.public}),
    "direct": Variant({"room_id": lambda cast, part: cast.direct}),
    "admin": Variant({"user_id": _part("admin")}),
    "owner": Variant({"user_id": _part("owner")}),
    "reason": Variant(body=REASON),
    "freeze": Variant(body={**REASON, "is_frozen": True, "name": None}),
    "promote": Variant(body={**REASON, "role": "admin"}),
    "handover": Variant(body={**REASON, "role": "owner"}),
}

SAMPLES: Mapping[str, Sample] = {
    "POST /api/v1/auth/register": Sample(
        lambda cast, part: {"username": "newcomer", "password": PASSWORD, "display_name": "New"}
    ),
    "POST /api/v1/auth/token": Sample(lambda cast, part: {"username": "other", "password": PASSWORD}),
    "POST /api/v1/auth/token/refresh": Sample(_refresh),
    "POST /api/v1/auth/logout": Sample(lambda cast, part: {"everywhere": False}),
    "PATCH /api/v1/users/me": Sample(lambda cast, part: {"display_name": "Another name", "locale": "de"}),
    "POST /api/v1/users/me/devices": Sample(lambda cast, part: {"name": "My kitchen"}),
    "GET /api/v1/users/batch": Sample(query=lambda cast, part: f"user_ids={cast.id_of('other')}"),
    "POST /api/v1/users/batch": Sample(lambda cast, part: {"user_ids": [str(cast.id_of("other"))]}),
    "POST /api/v1/rooms": Sample(
        lambda cast, part: {"kind": "group", "name": "Another room", "member_ids": [str(cast.id_of("outsider"))]}
    ),
    "PATCH /api/v1/rooms/{room_id}": Sample(lambda cast, part: {"name": "Another name"}),
    "POST /api/v1/rooms/{room_id}/messages": Sample(
        lambda cast, part: {"content": "some words", "client_id": f"client-{part}", "type": "text"}
    ),
    "GET /api/v1/rooms/{room_id}/changes": Sample(query=lambda cast, part: "after=0"),
    "POST /api/v1/rooms/{room_id}/members": Sample(
        lambda cast, part: {"user_ids": [str(cast.id_of("outsider"))], "role": "member"}
    ),
    "PATCH /api/v1/rooms/{room_id}/members/{user_id}": Sample(lambda cast, part: {"role": "guest"}),
    "POST /api/v1/rooms/{room_id}/invites": Sample(lambda cast, part: {"expires_in": 3600, "max_uses": 3}),
    "PUT /api/v1/messages/{message_id}": Sample(lambda cast, part: {"content": "better words"}),
    "PATCH /api/v1/messages/mark-read": Sample(lambda cast, part: {"conversation_id": str(cast.room), "seq": 3}),
    "POST /api/v1/rooms/{room_id}/read": Sample(lambda cast, part: {"seq": 3}),
    "GET /api/v1/me/changes": Sample(query=lambda cast, part: "after=0"),
}


# A good payload of every push.
PUSHES: Mapping[str, Made] = {
    "message:send": lambda cast, part: {"content": "some words", "client_id": f"client-{part}", "type": "text"},
    "message:edit": lambda cast, part: {"message_id": cast.messages["other"], "content": "better words"},
    "message:recall": lambda cast, part: {"message_id": cast.messages["other"]},
    "read": lambda cast, part: {"seq": 3},
    "ack": lambda cast, part: {"offset": 3},
    "typing": lambda cast, part: {"on": True},
}


def push_payload(event: str, cast: Cast, part: str, variant: str = "") -> Body:
    """A good payload of this part for a push."""
    payload: Body = PUSHES[event](cast, part)
    for name, made in VARIANTS[variant].names.items():
        if name in payload:
            payload[name] = str(made(cast, part))
    return {**payload, **VARIANTS[variant].body}


def topic(pattern: str, cast: Cast, part: str, variant: str = "") -> str:
    """A topic of this pattern."""
    for name, made in {**USUAL, "topic": lambda cast, part: "any", **VARIANTS[variant].names}.items():
        if "{" + name + "}" in pattern:
            pattern = pattern.replace("{" + name + "}", str(made(cast, part)))
    return pattern


@dataclass(frozen=True, slots=True)
class Request:
    """What to send."""

    method: str
    target: str
    body: bytes
    headers: Mapping[str, str]


def request(door: Door, cast: Cast, part: str, *, path: str = "", variant: str = "") -> Request:
    """A good request of this part at this door (by one of its paths)."""
    sample = SAMPLES.get(door.name, Sample())
    names = {**USUAL, **sample.names, **VARIANTS[variant].names}
    target = path or door.path
    for name, made in names.items():
        if "{" + name + "}" in target:
            target = target.replace("{" + name + "}", quote(str(made(cast, part)), safe=""))
    if sample.query is not None:
        target += f"?{sample.query(cast, part)}"
    fields = {**(sample.body(cast, part) if sample.body else {}), **VARIANTS[variant].body}
    # A variant takes a field away by None.
    body = orjson.dumps({name: value for name, value in fields.items() if value is not None}) if fields else b""
    headers = {**cast.headers(part), **({"content-type": "application/json"} if body else {})}
    if not target.startswith("/api/"):
        # A page's form proves that it is our page's: with this the answer is the view's own.
        headers |= {"cookie": f"csrftoken={CSRF}", "x-csrftoken": CSRF}
    return Request(door.method, target, body, headers)
