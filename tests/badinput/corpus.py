"""What broken, clumsy and hostile clients send. Each case says what must come of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import orjson

MAX_CONTENT = 100_000
MAX_BODY = 1024 * 1024
JSON = "application/json"


class Must(StrEnum):
    """What the answer has to be; never is it a 5xx, and an error always has the one shape and wrote nothing."""

    REFUSE = "a 4xx"
    HANDLE = "anything but a 5xx"


@dataclass(frozen=True, slots=True)
class BadBody:
    """A request's body. ``statuses``: those allowed among the 4xx (empty: any)."""

    name: str
    body: bytes
    must: Must = Must.REFUSE
    content_type: str = JSON
    statuses: frozenset[int] = field(default_factory=frozenset)


def bad_bodies() -> Iterator[BadBody]:
    """Bodies that are wrong whatever the endpoint wants."""
    broken = {
        "one brace": b"{",
        "no value": b'{"content":',
        "half a word": b'{"content": nul}',
        "single quotes": b"{'content': 'x'}",
        "trailing comma": b'{"content": "x",}',
        "two values": b'{"content": "x"} {"content": "y"}',
        "not UTF-8": b'{"content": "\xff\xfe"}',
        "Latin-1": '{"content": "für"}'.encode("latin-1"),
        "UTF-16": '{"content": "x"}'.encode("utf-16"),
        "NUL bytes": b'\x00{"content": "x"}\x00',
        "only NUL bytes": bytes(1000),
        "a lone surrogate": rb'{"content": "\ud800"}',
        "half an escape": rb'{"content": "\u12"}',
        "not a number": b'{"content": NaN}',
        "infinity": b'{"content": Infinity}',
        "deep lists": b"[" * 100_000,
        "deep closed lists": b"[" * 5_000 + b"]" * 5_000,
        "deep objects": b'{"a":' * 50_000,
        "XML": b"<?xml version='1.0'?><a/>",
    }
    for name, body in broken.items():
        yield BadBody(name, body, statuses=frozenset({400}))
    for name, body in {"a list": b"[]", "a text": b'"content"', "a number": b"12", "true": b"true"}.items():
        yield BadBody(name, body, statuses=frozenset({400}))
    yield BadBody("a body past the limit", b'{"content": "' + b"x" * MAX_BODY + b'"}', statuses=frozenset({413}))
    yield BadBody("white space past the limit", b" " * (MAX_BODY + 1), statuses=frozenset({413}))
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "a/b;c"):
        yield BadBody(content_type, b"content=x", content_type=content_type, statuses=frozenset({400, 415}))
    yield BadBody("0 bytes", b"", Must.HANDLE)
    yield BadBody("null", b"null", Must.HANDLE)
    yield BadBody("an unknown field", b'{"no such field": 1}', Must.HANDLE)


@dataclass(frozen=True, slots=True)
class BadValue:
    """A value in the place of a good one, as JSON text (some of it no library would write)."""

    name: str
    json: bytes
    must: Must = Must.REFUSE


def _values(must: Must, **values: Any) -> Iterator[BadValue]:
    for name, value in values.items():
        yield BadValue(name.replace("_", " "), orjson.dumps(value), must)


def bad_values(name: str, good: Any) -> Iterator[BadValue]:
    """Values that are wrong in the place of this one."""
    yield BadValue("a number past every limit", b"1e400", Must.REFUSE if not isinstance(good, str) else Must.HANDLE)
    yield BadValue("a lone surrogate", rb'"\udfff"')
    yield BadValue("null", b"null", Must.HANDLE)
    match good:
        case bool():
            yield from _values(Must.REFUSE, a_word="perhaps", a_list=[], an_object={})
        case str():
            yield from _values(
                Must.REFUSE, a_list=["x"], an_object={"a": "x"}, true=True, NUL="\x00", NUL_inside="x\x00y"
            )
            yield from _values(Must.HANDLE, empty="", blank="   ", a_number=12, long="x" * 200_000)
            yield BadValue("a number of many digits", b"9" * 5_000, Must.HANDLE)
            if name == "content":
                yield from _values(
                    Must.REFUSE,
                    one_byte_too_many="x" * (MAX_CONTENT + 1),
                    two_bytes_too_many="語" * (MAX_CONTENT // 3 + 1),
                )
        case int():
            yield from _values(Must.REFUSE, a_word="many", a_list=[1], an_object={"a": 1}, a_fraction=1.5)
            yield from _values(Must.HANDLE, zero=0, negative=-1, true=True, digits="7", huge=2**63)
            yield BadValue("a number of many digits", b"9" * 5_000)
        case list():
            yield from _values(Must.REFUSE, a_word="x", a_number=5, an_object={"a": 1}, true=True)
            yield from _values(
                Must.REFUSE,
                lists=[[]],
                objects=[{}],
                nulls=[None],
                many=[str(n) for n in range(5_000)],
            )
            # People of other platforms have ids of any form: they are missing, not wrong.
            yield from _values(Must.HANDLE, empty=[], doubled=[*good, *good], words=["no id"])


def with_value(good: Mapping[str, Any], name: str, value: bytes) -> bytes:
    """The good body with one value exchanged."""
    parts = [orjson.dumps(key) + b":" + (value if key == name else orjson.dumps(one)) for key, one in good.items()]
    return b"{" + b",".join(parts) + b"}"


def with_name_twice(good: Mapping[str, Any]) -> bytes:
    """The good body with each name in it twice."""
    whole = orjson.dumps(good)
    return whole[:-1] + b"," + whole[1:]


def bad_tokens(good: str) -> Iterator[tuple[str, str]]:
    """Values of ``Authorization`` that must not let anybody in, by name."""
    head, payload, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    yield "no scheme", good
    yield "another scheme", f"Basic {good}"
    yield "no token", "Bearer"
    yield "two tokens", f"Bearer {good} {good}"
    yield "rubbish", "Bearer rubbish"
    yield "dots", "Bearer ..."
    yield "no signature", f"Bearer {head}.{payload}."
    yield "another signature", f"Bearer {head}.{payload}.{signature[::-1]}"
    yield "algorithm none", f"Bearer {none}.{payload}."
    yield "another payload", f"Bearer {head}.{payload[:-4]}AAAA.{signature}"
    yield "very long", "Bearer " + "a" * 100_000
    yield "not ASCII", "Bearer tökén"
    yield "a broken percent sign", "Bearer %ff%00"


def bad_ids() -> Iterator[tuple[str, str]]:
    """What stands in the path where an id belongs, already quoted, by name."""
    yield "nobody's", "01890000-0000-7000-8000-000000000000"
    yield "zero", "00000000-0000-0000-0000-000000000000"
    yield "a word", "abc"
    yield "a number", "1"
    yield "negative", "-1"
    yield "an id without dashes", "01890000000070008000000000000000"
    yield "an id in braces", quote("{01890000-0000-7000-8000-000000000000}")
    yield "a NUL", "%00"
    yield "not UTF-8", "%ff%fe"
    yield "dots", "%2e%2e"
    yield "a slash inside", "a%2Fb"
    yield "another script", quote("房间")
    yield "SQL", quote("' OR 1=1 --")
    yield "long", "a" * 5_000


# What stands behind a name of a query, already quoted.
BAD_QUERY_VALUES = (
    "",
    "abc",
    "-1",
    "0",
    "1.5",
    "9" * 40,
    "%00",
    "%ff",
    quote("语"),
    "a" * 5_000,
    quote("' OR 1=1 --"),
    "[]",
)
QUERY_NAMES = (
    "limit",
    "cursor",
    "after",
    "before",
    "around",
    "epoch",
    "since",
    "search",
    "kind",
    "user_ids",
    "conn",
    "e",
)
