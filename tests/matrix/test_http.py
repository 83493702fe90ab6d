"""Every door of HTTP against every part: the answers are those of the table, and no door is missing in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from core import redis as redis_
from core.cache.local import local
from tests.matrix.table import Row, format_row, read_table
from tests.support.cast import PARTS, Cast, assemble
from tests.support.doors import Door, http_doors
from tests.support.inprocess import InProcess, in_process
from tests.support.samples import VARIANTS, request

SOCKET = ("JOIN ", "PUSH ")
ROWS = [row for row in read_table() if not row.door.startswith(SOCKET)]
DOORS = {door.name: door for door in http_doors()}


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody in their places."""
    return assemble()


@pytest.fixture
def app() -> Iterator[InProcess]:
    """The application."""
    with in_process() as app:
        yield app


def _answer(app: InProcess, cast: Cast, door: Door, part: str, path: str, variant: str) -> int:
    """The status of one request; what it wrote is undone."""
    redis_.sync_client().flushall()
    local.clear()
    with transaction.atomic():
        sent = request(door, cast, part, path=path, variant=variant)
        answer = app.ask(sent.method, sent.target, body=sent.body, headers=sent.headers)
        transaction.set_rollback(True)
    return answer.status


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_part_gets_the_answer_of_the_table(row: Row, app: InProcess, cast: Cast) -> None:
    door = DOORS.get(row.door)
    assert door is not None, f"{row.door} is no door (any more): take it out of the table"
    for path in door.paths:
        found = {
            part: "-" if wanted == "-" else str(_answer(app, cast, door, part, path, row.variant))
            for part, wanted in row.answers.items()
        }
        assert found == row.answers, f"at {path}:\n{format_row(row.door, row.variant, found)}"


def test_every_door_has_a_row(app: InProcess, cast: Cast) -> None:
    missing = [door for name, door in DOORS.items() if name not in {row.door for row in ROWS if not row.variant}]
    rows = [
        format_row(door.name, "", {part: str(_answer(app, cast, door, part, door.path, "")) for part in PARTS})
        for door in missing
    ]
    assert not missing, "doors without a row in tests/matrix/table.txt. What they answer now (judge it):\n" + "\n".join(
        rows
    )


def test_no_cell_is_left_out_without_a_need() -> None:
    """Who never wrote has no message of their own; every other case is asked."""
    left_out = {(row.variant, part) for row in ROWS for part, answer in row.answers.items() if answer == "-"}
    assert left_out <= {("own", part) for part in ("anonymous", "stranger", "moderator", "site-admin")}
    assert {row.variant for row in ROWS} <= VARIANTS.keys()
