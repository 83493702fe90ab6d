"""Ten thousand requests as fast as they can be written: each is answered, none by a 5xx, and the server is well."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from tests.support.drivers import NoAnswer, Refusal, RestUser, SocketUser
from tests.support.final_state import Database
from tests.support.server import Server
from tests.system.conftest import sqlite_url

CONNECTIONS = 10
EACH = 1_000


def _requests(person: RestUser, room: str, connection: int) -> Iterator[bytes]:
    """Good requests and bad ones, in turn."""
    for number in itertools.count():
        body = b""
        match number % 5:
            case 0:
                method, path = "GET", f"/api/v1/rooms/{room}/meta"
            case 1:
                method, path = "POST", f"/api/v1/rooms/{room}/messages"
                body = orjson.dumps({"content": f"{number}", "client_id": f"flood-{connection}-{number}"})
            case 2:
                method, path = "GET", f"/api/v1/rooms/{room}/changes?after=0&limit=5"
            case 3:
                method, path, body = "POST", f"/api/v1/rooms/{room}/messages", b'{"content":'
            case _:
                method, path = "GET", "/api/v1/nowhere"
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {person.access}\r\n"
        yield f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _flood(server: Server, person: RestUser, room: str, connection: int) -> Counter[int]:
    """Write everything without waiting for an answer; the statuses of all answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    statuses: Counter[int] = Counter()

    async def write() -> None:
        for request in itertools.islice(_requests(person, room, connection), EACH):
            writer.write(request)
            await writer.drain()

    writing = asyncio.create_task(write())
    try:
        for _ in range(EACH):
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode("latin-1").lower()
            status = int(head.split()[1])
            statuses[status] += 1
            length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
            body = await reader.readexactly(int(length.partition(":")[2]))
            if status >= 400:
                assert orjson.loads(body)["errors"][0]["code"], body
            if status == 429:
                assert "retry-after:" in head
        await writing
    finally:
        writing.cancel()
        writer.close()
    return statuses


def _count_messages(server: Server, room: str) -> int:
    ((count,),) = Database(sqlite_url(server)).rows(
        f"SELECT count(*) FROM chat_chatmessage WHERE room_id = '{room.replace('-', '')}'"
    )
    return int(count)


@pytest.mark.parametrize("limited", ["0", "1"], ids=["unlimited", "limited"])
async def test_ten_thousand_requests(home: Path, limited: str) -> None:
    env = {"RATE_LIMITS_OFF_ON_LOOPBACK": "0" if limited == "1" else "1"}
    with Server(home, env=env) as server:
        person = await RestUser([server.url], "flooder").register()
        room = await person.create_room()
        floods = await asyncio.gather(*(_flood(server, person, room, number) for number in range(CONNECTIONS)))
        statuses: Counter[int] = sum(floods, Counter())
        assert statuses.total() == CONNECTIONS * EACH
        assert statuses.keys() <= {200, 201, 304, 400, 404, 429}, statuses
        assert (statuses[429] > 0) == (limited == "1"), statuses
        assert statuses[201] == _count_messages(server, room)
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            assert (await http.get("/readyz")).json()["ready"]
        await person.close()


async def test_ten_thousand_pushes_on_one_socket(home: Path) -> None:
    with Server(home, env={"RATE_LIMITS_OFF_ON_LOOPBACK": "0"}) as server:
        person = await RestUser([server.url], "flooder").register()
        room = await person.create_room()
        device = await SocketUser(person, "socket", heartbeat=60).start(f"room:{room}")
        answers = [await device.begin_send(room, "words", f"flood-{number}") for number in range(CONNECTIONS * EACH)]
        outcomes = await asyncio.gather(*answers, return_exceptions=True)
        sent = sum(isinstance(one, dict) for one in outcomes)
        refused = Counter(one.code for one in outcomes if isinstance(one, Refusal))
        lost = [one for one in outcomes if not isinstance(one, dict | Refusal | NoAnswer)]
        assert not lost
        assert refused.keys() == {"rate_limited"}
        assert sent > 100
        # A socket that is closed for flooding leaves the rest unanswered, and nothing half done.
        assert sent <= _count_messages(server, room) <= len(outcomes) - refused.total()
        await device.kill()
        await person.close()
