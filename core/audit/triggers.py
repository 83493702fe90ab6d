"""Rows of the audit can be added and nothing else, whoever holds the connection.

One change is let through: forgetting the actor's id when the account is deleted (the name stays).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "audit_auditentry"

INSTALL = {
    "sqlite": (
        """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_auditentry
        WHEN NOT (NEW.actor_id IS NULL AND OLD.id IS NEW.id AND OLD.actor_name IS NEW.actor_name
          AND OLD.action IS NEW.action AND OLD.object_type IS NEW.object_type AND OLD.object_id IS NEW.object_id
          AND OLD.reason IS NEW.reason AND OLD.data IS NEW.data AND OLD.created_at IS NEW.created_at)
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
        """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_auditentry
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'UPDATE' AND NEW.actor_id IS NULL
            AND to_jsonb(OLD) - 'actor_id' = to_jsonb(NEW) - 'actor_id' THEN
            RETURN NEW;
          END IF;
          RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'integrity_constraint_violation';
        END $$""",
        """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_auditentry
        FOR EACH ROW EXECUTE FUNCTION audit_append_only()""",
        """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_auditentry
        FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()""",
    ),
}
REMOVE = {
    "sqlite": ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"),
    "postgresql": (
        "DROP TRIGGER audit_no_truncate ON audit_auditentry",
        "DROP TRIGGER audit_no_change ON audit_auditentry",
        "DROP FUNCTION audit_append_only()",
    ),
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the table append-only."""
    _run(connection, INSTALL[connection.vendor])


def remove(connection: BaseDatabaseWrapper) -> None:
    """Make it an ordinary table again."""
    _run(connection, REMOVE[connection.vendor])


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Without the triggers while the block runs: for emptying the whole database, nothing else."""
    remove(connection)
    try:
        yield
    finally:
        install(connection)


def _run(connection: BaseDatabaseWrapper, statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
