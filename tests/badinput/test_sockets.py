"""The corpus of bad input on sockets: an error with a code and a reason, nothing written, and the socket lives on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import connection, transaction

from core import redis as redis_
from core.cache.local import local
from tests.badinput.census import census
from tests.badinput.corpus import Must, bad_values, with_value
from tests.realtime.client import Client
from tests.support.cast import Cast
from tests.support.doors import socket_doors
from tests.support.insocket import Sockets, in_process_sockets
from tests.support.samples import push_payload, topic

PART = "owner"
PUSHES = [(pattern, event) for pattern, event in socket_doors() if event]
OPEN = "heartbeat answered"


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """Sockets of the test's own process."""
    with in_process_sockets() as sockets:
        yield sockets


class Teller:
    """Says one bad frame on a joined socket, undoes what it did, and collects complaints."""

    def __init__(self, sockets: Sockets, cast: Cast, pattern: str) -> None:
        self.sockets = sockets
        self.topic = topic(pattern, cast, PART)
        self.token = cast.token(PART)
        self.complaints: list[str] = []
        self.told = 0
        self._writes = 0

    def _watch(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self._writes += sql.startswith(("INSERT", "UPDATE", "DELETE"))
        return execute(sql, params, many, context)

    def tell(self, name: str, frame: str, *, must: Must = Must.REFUSE) -> dict[str, Any]:
        """Send a frame with the ref "bad" and judge its reply; the reply."""

        async def act() -> tuple[dict[str, Any], dict[str, Any]]:
            async with Client(token=self.token) as client:
                await client.joined(self.topic)
                await client.raw(frame.replace('"JOIN"', orjson.dumps(client.join_refs[self.topic]).decode(), 1))
                _, reply = await client.frames_until("bad")
                beat = await client.ask("phoenix", "heartbeat", {}, join_ref=None)
                return reply.payload, beat

        redis_.sync_client().flushall()
        local.clear()
        self.told += 1
        with transaction.atomic():
            before, self._writes = census(), 0
            with connection.execute_wrapper(self._watch):
                reply, beat = self.sockets.run(act)
            written = dict(census().items() - before.items()) if self._writes else {}
            transaction.set_rollback(True)
        response = reply["response"]
        clear = isinstance(response.get("reason"), str) and isinstance(response.get("code"), str)
        if beat["status"] != "ok":
            self.complaints.append(f"{name}: the socket did not live on")
        if reply["status"] == "ok" and must is Must.REFUSE:
            self.complaints.append(f"{name}: was let in with {response}")
        elif reply["status"] == "error" and (not clear or response["code"] == "error"):
            self.complaints.append(f"{name}: has no clear error but {response}")
        elif reply["status"] == "error" and written:
            self.complaints.append(f"{name}: was refused and wrote {written}")
        return reply

    def finish(self) -> None:
        """There must be no complaint."""
        assert self.told > 0
        assert not self.complaints, f"{len(self.complaints)} of {self.told}:\n" + "\n".join(self.complaints[:25])


def _frame(where: str, event: str, payload: bytes) -> str:
    return f'["JOIN","bad",{orjson.dumps(where).decode()},{orjson.dumps(event).decode()},{payload.decode()}]'


@pytest.mark.parametrize(("pattern", "event"), PUSHES)
def test_bad_payloads(pattern: str, event: str, sockets: Sockets, cast: Cast) -> None:
    teller, good = Teller(sockets, cast, pattern), push_payload(event, cast, PART)
    for name, body in {"a list": b"[]", "a text": b'"x"', "a number": b"5", "true": b"true"}.items():
        teller.tell(f"the payload {name}", _frame(teller.topic, event, body))
    teller.tell("the payload null", _frame(teller.topic, event, b"null"), must=Must.HANDLE)
    teller.tell("an empty payload", _frame(teller.topic, event, b"{}"), must=Must.HANDLE)
    for name, value in good.items():
        for case in bad_values(name, value):
            # What no parser reads is no frame at all, and is tested as such.
            if case.name in {"a lone surrogate", "a number past every limit", "a number of many digits"}:
                continue
            frame = _frame(teller.topic, event, with_value(good, name, case.json))
            if len(frame) <= settings.MAX_FRAME_BYTES:
                teller.tell(f"{name}: {case.name}", frame, must=case.must)
        left = {key: one for key, one in good.items() if key != name}
        teller.tell(f"no {name}", _frame(teller.topic, event, orjson.dumps(left)), must=Must.HANDLE)
    teller.finish()


@pytest.mark.parametrize(("pattern", "event"), PUSHES)
def test_one_byte_too_many(pattern: str, event: str, sockets: Sockets, cast: Cast) -> None:
    teller, good = Teller(sockets, cast, pattern), push_payload(event, cast, PART)
    if "content" in good:
        limit = settings.MAX_CONTENT_BYTES
        for name, text in {"ASCII": "x" * (limit + 1), "three bytes each": "語" * (limit // 3) + "xx"}.items():
            teller.tell(f"content, {name}", _frame(teller.topic, event, orjson.dumps({**good, "content": text})))
        # As Python's clients write it: six characters for what is three bytes.
        escaped = b'"' + rb"\u8a9e" * (limit // 3) + b'"'
        teller.tell(
            "just enough, escaped", _frame(teller.topic, event, with_value(good, "content", escaped)), must=Must.HANDLE
        )
    else:
        filler = "x" * (settings.MAX_PAYLOAD_BYTES + 1 - len(orjson.dumps({**good, "filler": ""})))
        body = orjson.dumps({**good, "filler": filler})
        assert len(body) == settings.MAX_PAYLOAD_BYTES + 1
        reply = teller.tell("a payload of 102,401 bytes", _frame(teller.topic, event, body))
        assert reply["response"]["code"] == "payload_too_large"
    teller.finish()


def test_unknown_events_and_other_topics(sockets: Sockets, cast: Cast) -> None:
    teller = Teller(sockets, cast, "room:{room_id}")
    for event in ("no_such_event", "message:created", "phx_reply", "__init__", "send", "\x00", "x" * 200, "消息"):
        teller.tell(f"the event {event[:20]!r}", _frame(teller.topic, event, b"{}"))
    for where in (
        "room:abc",
        "room:",
        "room:01890000-0000-7000-8000-000000000000",
        f"room:{str(cast.room).upper()}",
        f"room:{cast.direct}",
        "user:abc",
        "x" * 256,
        "\x00",
        "主题",
    ):
        for event in ("message:send", "phx_join"):
            must = Must.REFUSE if event == "message:send" or where.startswith(("room", "user")) else Must.HANDLE
            body = b'{"content":"x"}' if event == "message:send" else b"{}"
            frame = f'["other","bad",{orjson.dumps(where).decode()},"{event}",{body.decode()}]'
            teller.tell(f"{event} on {where[:20]!r}", frame, must=must)
    teller.finish()


@pytest.mark.parametrize(
    "data",
    [
        *(
            "",
            "hello",
            "{}",
            "[",
            "[" * 50_000,
            "null",
            '["1","1","a"]',
            '["1","1","room:x","",{}]',
            "\x00",
            "x" * 262_145,
        ),
        *('["1","1","room:x","read",{"seq":1e400}]', '["1","1","room:x","message:send",{"content":"\\udfff"}]'),
        *(b"", b"\x00\xff", bytes(5_000)),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_frame_ends_the_socket_for_good(data: str | bytes, sockets: Sockets, cast: Cast) -> None:
    async def act() -> int | None:
        async with Client(token=cast.token(PART)) as client:
            await client.raw(data)
            _, code = await client.closing()
            return code

    before = census()
    assert sockets.run(act) in {4503, 1009}
    assert census() == before
