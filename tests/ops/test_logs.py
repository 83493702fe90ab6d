"""Log lines: one shape, the ids of the request, and nothing that is nobody's business."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.conf import settings

from ops import logs

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    "line",
    [
        "GET /socket/websocket?apikey=hunter2&vsn=2.0.0",
        "GET /ws?vsn=2.0.0&token=hunter2",
        "access_token=hunter2 and more",
        "?ACCESS_TOKEN=hunter2",
        '"/first-run?token=hunter2"',
        "refresh=hunter2;",
        "token%3Dhunter2",
        "Authorization: Bearer hunter2hunter2",
        "{'authorization': 'Bearer hunter2hunter2'}",
        "b'authorization', b'Bearer hunter2hunter2'",
        "phoenix, base64url.bearer.phx.hunter2",
        "password=hunter2",
    ],
)
def test_secrets_are_taken_out_of_a_line(line: str) -> None:
    clean = logs.scrub(line)
    assert "hunter2" not in clean
    assert logs.HIDDEN in clean


def test_a_token_is_found_wherever_it_stands() -> None:
    assert JWT not in logs.scrub(f"could not decode {JWT}!")


@pytest.mark.parametrize("line", ["GET /api/v1/rooms/1/messages?limit=50", "refreshed 3 tokens", "a token was refused"])
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert logs.scrub(line) == line


def test_rows_quoted_by_the_database_are_hidden() -> None:
    text = "IntegrityError: duplicate\nDETAIL:  Key (content)=(dear\ndiary)\n\nThe above exception was the direct cause"
    event = logs.hide_details(None, "error", {"exception": text, "count": 3})
    assert "diary" not in event["exception"]
    assert "The above exception" in event["exception"]
    assert event["count"] == 3


@pytest.fixture
def log_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that this process logs to, for one test."""
    monkeypatch.setenv("PARLEY_PROCESS", "test")
    logs.configure({"to": "file", "format": "json", "level": "INFO", "folder": tmp_path})
    yield tmp_path / "test.log"
    logs.configure(settings.LOGGING)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_json_with_the_ids_of_its_context(log_file: Path) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1", connection_id="c1"):
        structlog.get_logger("some.module").info("happened", count=2)
    (line,) = lines(log_file)
    assert line["event"] == "happened"
    assert line["count"] == 2
    assert (line["request_id"], line["connection_id"]) == ("r1", "c1")
    assert (line["level"], line["logger"], line["process"]) == ("info", "some.module", "test")
    assert line["timestamp"].endswith("Z")


def test_lines_of_the_standard_library_take_the_same_path(log_file: Path) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r2"):
        logging.getLogger("some.library").warning("refused %s", "/ws?token=hunter2")
    (line,) = lines(log_file)
    assert line["request_id"] == "r2"
    assert line["event"] == f"refused /ws?token={logs.HIDDEN}"


def test_an_exception_is_one_line_with_its_traceback(log_file: Path) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger("some.module").exception("failed")
    (line,) = lines(log_file)
    assert "ValueError: broken" in line["exception"]
    assert "Traceback" in line["exception"]
