"""Ready, degraded or not, and why."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.utils import OperationalError

from core import redis as redis_
from ops import health


@pytest.mark.django_db(transaction=True)
def test_ready_when_everything_answers() -> None:
    assert health.check() == {
        "ready": True,
        "degraded": False,
        "checks": {"database": "ok", "migrations": "ok", "redis": "ok"},
    }


@pytest.mark.django_db(transaction=True)
def test_without_redis_it_is_ready_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def ping(self) -> None:
            raise ConnectionRefusedError

    monkeypatch.setattr(redis_, "sync_client", Away)
    found = health.check()
    assert (found["ready"], found["degraded"]) == (True, True)
    assert "does not answer" in found["checks"]["redis"]


@pytest.mark.django_db(transaction=True)
def test_a_missing_migration_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "unapplied_migrations", lambda: ["chat.0007_more", "chat.0008_even_more"])
    found = health.check()
    assert found["ready"] is False
    assert "chat.0007_more" in found["checks"]["migrations"]


@pytest.mark.django_db(transaction=True)
def test_without_its_database_it_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused at secret.example")

    monkeypatch.setattr(connection, "cursor", refuse)
    monkeypatch.setattr(connection, "close", lambda: None)
    found = health.check()
    assert found["ready"] is False
    assert found["checks"]["database"] == "does not answer (OperationalError)"
    assert "unknown" in found["checks"]["migrations"]
