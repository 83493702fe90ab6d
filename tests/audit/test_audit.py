"""The audit: written once, by the one service, and not to be changed by anybody."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from core.audit import triggers
from core.audit.models import AuditEntry
from core.audit.services import record
from core.errors import Invalid
from tests.accounts import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> AuditEntry:
    return record(
        actor=people.make("mona"),
        action="user.ban",
        object_type="user",
        object_id="7",
        reason=" spam ",
        data={"devices": 2},
    )


def test_an_entry_says_who_what_whom_and_why(entry: AuditEntry) -> None:
    kept: dict[str, Any] = dict(AuditEntry.objects.values().get())
    kept.pop("id")
    assert kept.pop("created_at").tzinfo is not None
    assert kept == {
        "actor_id": User.objects.get().pk,
        "actor_name": "mona",
        "action": "user.ban",
        "object_type": "user",
        "object_id": "7",
        "reason": "spam",
        "data": {"devices": 2},
    }


@pytest.mark.parametrize("reason", ["", " \n", "\x00", "x" * 1001])
def test_no_entry_without_a_reason(reason: str) -> None:
    with pytest.raises(Invalid):
        record(actor=None, action="a", object_type="b", object_id=1, reason=reason)
    assert not AuditEntry.objects.exists()


def test_models_refuse_a_second_save_and_a_deletion(entry: AuditEntry) -> None:
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditentry SET reason = 'other'",
        "UPDATE audit_auditentry SET actor_name = 'other'",
        "UPDATE audit_auditentry SET created_at = '2000-01-01 00:00:00+00'",
        "UPDATE audit_auditentry SET object_id = '8'",
        "UPDATE audit_auditentry SET data = '{}'",
        "UPDATE audit_auditentry SET id = id + 1",
        "UPDATE audit_auditentry SET actor_id = actor_id",
        "UPDATE audit_auditentry SET actor_id = NULL, reason = 'other'",
        "DELETE FROM audit_auditentry",
    ],
)
def test_the_database_refuses_too(entry: AuditEntry, statement: str) -> None:
    before = AuditEntry.objects.values().get()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.values().get() == before


@pytest.mark.django_db(transaction=True)
def test_postgresql_refuses_to_truncate(entry: AuditEntry, backend: str) -> None:
    statement = "TRUNCATE audit_auditentry" if backend == "postgres" else "DELETE FROM audit_auditentry WHERE 1"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.count() == 1


def test_who_is_gone_stays_by_name(entry: AuditEntry) -> None:
    User.objects.get().delete()
    kept = AuditEntry.objects.get()
    assert (kept.actor_id, kept.actor_name) == (None, "mona")


def test_querysets_cannot_change_it_either(entry: AuditEntry) -> None:
    for change in (lambda: AuditEntry.objects.update(reason="other"), AuditEntry.objects.all().delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


@pytest.mark.django_db(transaction=True)
def test_emptying_the_whole_database_is_possible_and_arms_it_again(entry: Any) -> None:
    call_command("flush", interactive=False, verbosity=0)
    assert not AuditEntry.objects.exists()
    record(actor=None, action="a", object_type="b", object_id=1, reason="c")
    with pytest.raises(DatabaseError, match="append-only"):
        AuditEntry.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_the_migration_goes_back_and_forth(entry: Any) -> None:
    triggers.remove(connection)
    AuditEntry.objects.update(reason="other")
    triggers.install(connection)
    with pytest.raises(DatabaseError, match="append-only"):
        AuditEntry.objects.update(reason="third")
