"""Real installations: one on SQLite, and two that share a PostgreSQL and a Redis."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server
from tests.support.services import Postgres, Valkey

_numbers = itertools.count(1)

# Two installations of one site have the same secrets, as two hosts behind one name would.
SECRETS = {"SECRET_KEY": "one secret for both of them", "JWT_KEY": "another secret for both, of enough bytes"}


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    """A fresh database on the session's PostgreSQL."""
    return postgres.create_database(f"system_{next(_numbers)}")


@pytest.fixture
def redis(debian_redis: Valkey) -> Valkey:
    """The session's Redis, running and empty; a test may kill it."""
    if debian_redis.process is None or debian_redis.process.poll() is not None:
        debian_redis.start()
    return debian_redis


@pytest.fixture
def two_servers(home: Path, database_url: str, redis: Valkey) -> Iterator[list[Server]]:
    """Two ``serve`` with one web process each, on one PostgreSQL and one Redis."""
    servers = [
        Server(home / name, database_url=database_url, redis_url=redis.url, workers=1, env=SECRETS)
        for name in ("one", "two")
    ]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.stop()


@pytest.fixture
def sqlite_server(home: Path) -> Iterator[Server]:
    """An installation as ``make run`` starts it: SQLite and the embedded Valkey."""
    with Server(home) as server:
        yield server


def sqlite_url(server: Server) -> str:
    """Where an installation keeps its SQLite database."""
    return f"sqlite:///{server.home / 'parley.sqlite3'}"
