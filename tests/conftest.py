"""What every test stands on: its services, and caches that know nothing of the test before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import emptying, places, services

_running: list[services.Service] = []


def pytest_configure(config: pytest.Config) -> None:
    """Start what the settings under test name: one PostgreSQL per run, one Redis per pytest process."""
    if places.worker() == "main":
        os.environ["PARLEY_TEST_OWNER"] = str(os.getpid())
        if places.backend() == "postgres":
            _running.append(services.start_postgres())
    if places.backend() == "postgres":
        emptying.install()
    if places.worker() != "main" or not getattr(config.option, "numprocesses", None):
        _running.append(services.start_redis(places.home()))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it all and throw the data away."""
    for service in reversed(_running):
        service.stop()
    _running.clear()
    if os.environ.get("PARLEY_TEST_OWNER") == str(os.getpid()):
        shutil.rmtree(places.run_folder(), ignore_errors=True)


@pytest.fixture(autouse=True)
def forget_everything() -> Iterator[None]:
    """Nothing that a test left in Redis or in this process is known to the next one."""
    from core import redis as redis_
    from core.cache.local import local
    from core.log import epoch

    redis_.breaker.reset()
    redis_.sync_client().flushall()
    local.clear()
    epoch.forget()
    yield
    epoch.forget()


@pytest.fixture
def backend() -> str:
    """``sqlite`` or ``postgres``: what this run is against."""
    return places.backend()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Postgres]:
    """A PostgreSQL server of the session's own, whatever the run's backend is."""
    folder = _short_folder("pg")
    server = services.Postgres(folder, port=services.free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def debian_redis() -> Iterator[services.DebianRedis]:
    """A redis-server of the session's own."""
    server = services.DebianRedis(_short_folder("redis-debian"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def home() -> Iterator[Path]:
    """A fresh ``PARLEY_HOME`` for a server, with a path short enough for Unix sockets."""
    folder = _short_folder("home")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


_folders = 0


def _short_folder(name: str) -> Path:
    global _folders
    _folders += 1
    folder = places.home() / f"{name}-{_folders}"
    folder.mkdir()
    return folder
