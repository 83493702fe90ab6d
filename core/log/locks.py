"""Taking locks in one order, and moving the heads of the streams that are locked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from django.db import DatabaseError, IntegrityError, OperationalError, connection, models

from core.log.bykey import ByKey
from core.log.models import Stream
from core.log.rows import RowKey, insert_missing

# PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
_RETRY_STATES = {"40001", "40P01", "55P03"}


def is_retryable(error: DatabaseError) -> bool:
    """Whether the same transaction may well succeed when it is tried again."""
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    if state is not None:
        return state in _RETRY_STATES
    if isinstance(error, Overtaken):
        return True
    return "database is locked" in str(error) or "database table is locked" in str(error)


def lock_rows(keys: Collection[RowKey]) -> dict[RowKey, models.Model]:
    """Lock rows, table by table in order of name, each table's in order of id; those that exist.

    A model may name in ``LOCKED_WITH`` the relations that are read with it (and not locked).
    """
    by_model: dict[type[models.Model], set[Any]] = {}
    for model, pk in keys:
        by_model.setdefault(model, set()).add(pk)
    rows: dict[RowKey, models.Model] = {}
    for model in sorted(by_model, key=lambda model: model._meta.label):
        lock = _locking.get(model)
        if lock is None:
            lock = _locking[model] = ByKey(model, partial(_locked, model))
        rows.update(((model, pk), row) for pk, row in lock(by_model[model]).items())
    return rows


_locking: dict[type[models.Model], ByKey[models.Model]] = {}


def _locked(model: type[models.Model]) -> models.QuerySet[models.Model]:
    # NO KEY: an insert that only refers to the row (a membership, a message) need not wait.
    query = model._default_manager.select_for_update(no_key=True, of=("self",))
    related: tuple[str, ...] = getattr(model, "LOCKED_WITH", ())
    return query.select_related(*related) if related else query


class Overtaken(OperationalError):
    """Somebody else has made a stream between our lock and our writing: to be tried again."""


def lock_streams(keys: Collection[str]) -> dict[str, int]:
    """Lock streams in order of key; the newest offsets of those that exist."""
    if not keys:
        return {}
    return {key: stream.offset for key, stream in _streams(keys).items()}


_streams = ByKey(Stream, lambda: Stream.objects.select_for_update(no_key=True))


def make_streams(keys: Collection[str]) -> None:
    """Make streams that did not exist when they were to be locked. Raises Overtaken.

    Two who make one meet here: the second waits, and then starts again. A stream is made only when
    it is used, so that an act that is refused leaves nothing behind.
    """
    rows = [Stream(key=key) for key in sorted(keys)]
    if rows and len(insert_missing(Stream, rows)) < len(rows):
        raise Overtaken("a stream was made by another transaction")


def move_streams(heads: Mapping[str, tuple[int, int]]) -> None:
    """Move streams from their old to their new offsets.

    Raises IntegrityError when a stream is not where its guard said: then somebody appended without
    locking the guard, and nothing may be written.
    """
    if not heads:
        return
    quote = connection.ops.quote_name
    sql = (
        f"UPDATE {quote(Stream._meta.db_table)} SET {quote('offset')} = %s "  # noqa: S608 - names of our own table
        f"WHERE {quote('key')} = %s AND {quote('offset')} = %s"
    )
    if not heads:
        return
    with connection.cursor() as cursor:
        cursor.executemany(sql, [(new, key, old) for key, (old, new) in sorted(heads.items())])
        moved = cursor.rowcount
    if moved == len(heads):
        return
    # A guard that was made outside of the log (a fixture, an import) has no stream yet.
    new = [Stream(key=key, offset=offset) for key, (old, offset) in sorted(heads.items()) if old == 0]
    if moved + len(insert_missing(Stream, new)) != len(heads):
        raise IntegrityError(f"streams are not where they should be: {dict(heads)}")
