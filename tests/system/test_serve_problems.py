"""What keeps the server from starting is told in a sentence that says what to do, without a traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.server import Server
from tests.support.services import free_port, wait_for


def refusal(server: Server) -> str:
    """What a server that must not start prints."""
    server.start(wait=False)
    assert server.process is not None
    wait_for(lambda: not server.running, "the refusal", 60)
    assert server.process.returncode == 1
    server.stop()
    output = server.output()
    assert "Traceback" not in output, output
    assert "Parley is ready" not in output
    return output


def test_a_port_in_use(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        output = refusal(Server(home, env={"PORT": str(port)}))
    assert f"Port {port} of 127.0.0.1 is in use" in output
    assert f"PORT={port + 1} make run" in output


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"PORT": "eighty"}, "PORT"),
        ({"PORT": "70000"}, "PORT is 70000"),
        ({"PARLEY_ENV": "staging"}, "demo or production"),
        ({"PARLEY_HOST": "0.0.0.0"}, "PARLEY_ENV=production"),
        ({"WEB_WORKERS": "2"}, "PostgreSQL"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
        ({"DATABASE_URL": "oracle://a:b@127.0.0.1/c"}, "DATABASE_URL"),
    ],
)
def test_settings_that_cannot_be(home: Path, env: dict[str, str], words: str) -> None:
    output = refusal(Server(home, env=env))
    assert words in output
    assert len(output.strip().splitlines()) == 1


def test_a_database_that_does_not_answer(home: Path) -> None:
    url = f"postgres://parley:hush-hush@127.0.0.1:{free_port()}/parley"
    output = refusal(Server(home, database_url=url))
    assert "Check DATABASE_URL" in output
    assert "hush-hush" not in output


def test_a_database_with_a_wrong_password(home: Path, database_url: str) -> None:
    output = refusal(Server(home, database_url=database_url.replace("parley:parley", "parley:hush-hush")))
    assert "password authentication failed" in output
    assert "hush-hush" not in output


def test_a_data_folder_in_use(sqlite_server: Server) -> None:
    output = refusal(Server(sqlite_server.home))
    assert f"process {sqlite_server.pid('serve')}" in output
    assert sqlite_server.running


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    output = refusal(Server(tmp_path / "file" / "home"))
    assert "PARLEY_HOME" in output


def test_a_database_file_that_is_none(home: Path) -> None:
    (home / "parley.sqlite3").write_text("this is a letter, not a database " * 50)
    output = refusal(Server(home))
    assert "Check DATABASE_URL" in output


def test_a_redis_that_does_not_answer_slows_and_does_not_stop(home: Path) -> None:
    with Server(home, redis_url=f"redis://127.0.0.1:{free_port()}/0") as server:
        assert "Redis does not answer" in server.output()
