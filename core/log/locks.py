"""Taking locks in one order, and moving the heads of the streams that are locked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from django.db import DatabaseError, IntegrityError, OperationalError, connection, models

from core.log.bykey import ByKey
from core.log.models import Stream
from core.log.rows import RowKey

# PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
_RETRY_STATES = {"40001", "40P01", "55P03"}


def is_retryable(error: DatabaseError) -> bool:
    """Whether the same transaction may well succeed when it is tried again."""
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    if state is not None:
        return state in _RETRY_STATES
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


def lock_streams(keys: Collection[str]) -> dict[str, int]:
    """Lock streams in order of key, making those that are missing; their newest offsets."""
    if not keys:
        return {}
    heads = _locked_heads(keys)
    missing = sorted(set(keys) - heads.keys())
    if missing:
        Stream.objects.bulk_create([Stream(key=key) for key in missing], ignore_conflicts=True)
        # The new rows are locked by us, or somebody else's and locked now; in order of key either way.
        heads = _locked_heads(keys)
    return heads


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
    with connection.cursor() as cursor:
        cursor.executemany(sql, [(new, key, old) for key, (old, new) in sorted(heads.items())])
        moved = cursor.rowcount
    if moved == len(heads):
        return
    # A guard that was made outside of the log (a fixture, an import) has no stream yet.
    present = set(Stream.objects.filter(key__in=heads).values_list("key", flat=True))
    missing = {key: new for key, (old, new) in heads.items() if key not in present and old == 0}
    if moved + len(missing) != len(heads):
        raise IntegrityError(f"streams are not where they should be: {dict(heads)}")
    Stream.objects.bulk_create([Stream(key=key, offset=new) for key, new in sorted(missing.items())])


def drop_unused(keys: Collection[str]) -> None:
    """Delete locked streams that nobody has appended to: an act that was refused leaves nothing."""
    if keys:
        Stream.objects.filter(key__in=keys, offset=0).delete()


def _locked_heads(keys: Collection[str]) -> dict[str, int]:
    return {key: stream.offset for key, stream in _streams(keys).items()}


_streams = ByKey(Stream, lambda: Stream.objects.select_for_update(no_key=True))
