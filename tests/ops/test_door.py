"""Settings that contradict each other, and ports that cannot be had, are told in a sentence."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from ops import door
from ops.problems import StartProblem


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PARLEY_ENV": "staging"}, "demo or production"),
        ({"PARLEY_DEMO": True, "HOST": "0.0.0.0"}, "PARLEY_ENV=production"),
        ({"PARLEY_DEMO": True, "HOST": "chat.example"}, "PARLEY_ENV=production"),
        ({"WEB_WORKERS": 0}, "1 or more"),
        ({"WEB_WORKERS": 2}, "PostgreSQL"),
    ],
)
def test_contradictions(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    settings.PARLEY_ENV, settings.PARLEY_DEMO, settings.HOST, settings.WEB_WORKERS = "demo", True, "127.0.0.1", 1
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    for name, value in changes.items():
        setattr(settings, name, value)
    with pytest.raises(StartProblem, match=words):
        door.check_settings()


def test_in_production_any_address_may_be_listened_on(settings: Settings) -> None:
    settings.PARLEY_ENV, settings.PARLEY_DEMO, settings.HOST, settings.WEB_WORKERS = "production", False, "0.0.0.0", 1
    door.check_settings()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_loopback(host: str) -> None:
    assert door.is_loopback(host)


def test_a_port_in_use_is_told_with_a_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartProblem, match=f"PORT={port + 1} make run"):
            door.listen("127.0.0.1", port, 1)


@pytest.mark.parametrize(("host", "port"), [("no-such-host.invalid", 8000), ("192.0.2.1", 8000)])
def test_other_addresses_that_do_not_work(host: str, port: int) -> None:
    with pytest.raises(StartProblem, match="PARLEY_HOST and PORT"):
        door.listen(host, port, 1)


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_number_that_is_no_port(port: int) -> None:
    with pytest.raises(StartProblem, match=f"PORT is {port}"):
        door.listen("127.0.0.1", port, 1)


def test_port_0_takes_any() -> None:
    sock = door.listen("127.0.0.1", 0, 1)
    assert sock.getsockname()[1] > 0
    sock.close()
