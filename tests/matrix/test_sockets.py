"""Every topic and every push against every part, as at the doors of HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from core import redis as redis_
from core.cache.local import local
from tests.matrix.table import Row, format_row, read_table
from tests.realtime.client import Client
from tests.support.cast import PARTS, Cast, assemble
from tests.support.doors import socket_doors
from tests.support.insocket import Sockets, in_process_sockets
from tests.support.samples import push_payload, topic

ROWS = [row for row in read_table() if row.door.startswith(("JOIN ", "PUSH "))]
DOORS = {
    f"PUSH {pattern} {event}" if event else f"JOIN {pattern}": (pattern, event) for pattern, event in socket_doors()
}
# Codes as they stand in the table.
SHORT = {"not_authenticated": "sign-in", "permission_denied": "denied", "not_found": "not-found"}
UNMATCHED = "unmatched topic"


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody in their places."""
    return assemble()


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """Sockets of the test's own process."""
    with in_process_sockets() as sockets:
        yield sockets


def _answer(sockets: Sockets, cast: Cast, door: tuple[str, str], part: str, variant: str) -> str:
    """The status of a join or push; what it wrote is undone."""
    pattern, event = door
    redis_.sync_client().flushall()
    local.clear()

    token = None if part == "anonymous" else cast.token(part)
    where = topic(pattern, cast, part, variant)
    payload = push_payload(event, cast, part, variant) if event else {}

    async def act() -> str:
        async with Client(token=token) as client:
            reply = await client.join(where)
            if event:
                reply = await client.ask(where, event, payload)
            response = reply["response"]
            if reply["status"] == "ok":
                return "ok"
            return "not-joined" if response["reason"] == UNMATCHED else SHORT.get(response["code"], response["code"])

    with transaction.atomic():
        found = sockets.run(act)
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_part_gets_the_answer_of_the_table(row: Row, sockets: Sockets, cast: Cast) -> None:
    door = DOORS.get(row.door)
    assert door is not None, f"{row.door} is no topic or push (any more): take it out of the table"
    found = {
        part: "-" if wanted == "-" else _answer(sockets, cast, door, part, row.variant)
        for part, wanted in row.answers.items()
    }
    assert found == row.answers, "\n" + format_row(row.door, row.variant, found)


def test_every_topic_and_push_has_a_row(sockets: Sockets, cast: Cast) -> None:
    missing = DOORS.keys() - {row.door for row in ROWS if not row.variant}
    rows = [
        format_row(name, "", {part: _answer(sockets, cast, DOORS[name], part, "") for part in PARTS})
        for name in sorted(missing)
    ]
    assert not missing, "no row in tests/matrix/table.txt for these. What they answer now (judge it):\n" + "\n".join(
        rows
    )
