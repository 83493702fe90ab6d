"""Writing many rows in few statements, and taking a row in memory back to where it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.db import IntegrityError, connection, models

# Parameters of one statement, below the limits of both databases (32,766 and 65,535).
MAX_VALUES = 30_000

RowKey = tuple[type[models.Model], UUID | int | str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A row's attributes and cached relations at one moment (shallow: values are not changed in place)."""

    row: models.Model
    attributes: dict[str, Any]
    relations: dict[str, Any]

    @classmethod
    def of(cls, row: models.Model) -> Self:
        """Take it."""
        return cls(row, row.__dict__.copy(), row._state.fields_cache.copy())

    def restore(self) -> None:
        """Put the row back, in memory."""
        self.row.__dict__.clear()
        self.row.__dict__.update(self.attributes)
        self.row._state.fields_cache = self.relations


def delete(rows: Mapping[RowKey, models.Model]) -> None:
    """Delete rows that nothing refers to, a statement for each table."""
    by_model: dict[type[models.Model], list[Any]] = {}
    for model, pk in rows:
        by_model.setdefault(model, []).append(pk)
    for model, pks in by_model.items():
        model._default_manager.filter(pk__in=pks).delete()


def insert(rows: Iterable[models.Model]) -> None:
    """Insert rows, in one or few statements for each table; they get the ids that the database gives.

    Foreign keys are checked at the commit. ``bulk_create`` would compile every value as an
    expression, which takes longer than all the rest of an act.
    """
    by_model: dict[type[models.Model], list[models.Model]] = {}
    for row in rows:
        by_model.setdefault(type(row), []).append(row)
    for model, found in by_model.items():
        key = _primary_key(model)
        # True for its big and its small sister too.
        given_out = isinstance(key, models.AutoField)
        fields = [each for each in model._meta.concrete_fields if not (given_out and each is key)]
        at_once = MAX_VALUES // len(fields)
        for start in range(0, len(found), at_once):
            _insert(model, fields, found[start : start + at_once], key if given_out else None)


def insert_missing(model: type[models.Model], rows: Sequence[models.Model]) -> set[Any]:
    """Insert those of the rows that are not there; the keys of those that were inserted.

    A row that another transaction is inserting is waited for.
    """
    key, fields = _primary_key(model), model._meta.concrete_fields
    inserted: set[Any] = set()
    at_once = MAX_VALUES // len(fields)
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        sql = f"{_values(model, fields, len(some))} ON CONFLICT DO NOTHING RETURNING {_quoted(str(key.column))}"
        with connection.cursor() as cursor:
            cursor.execute(sql, [_new(row, each) for row in some for each in fields])
            inserted.update(found for (found,) in cursor.fetchall())
    return inserted


def _values(model: type[models.Model], fields: Sequence[models.Field[Any, Any]], count: int) -> str:
    names = ", ".join(_quoted(str(each.column)) for each in fields)
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * count)
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({names}) VALUES {places}"  # noqa: S608 - our own tables


def _insert(
    model: type[models.Model],
    fields: Sequence[models.Field[Any, Any]],
    rows: Sequence[models.Model],
    given_out: models.Field[Any, Any] | None,
) -> None:
    sql = _values(model, fields, len(rows))
    if given_out is not None:
        sql += f" RETURNING {_quoted(str(given_out.column))}"
    with connection.cursor() as cursor:
        cursor.execute(sql, [_new(row, each) for row in rows for each in fields])
        if given_out is not None:
            for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
                setattr(row, given_out.attname, key)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def update(changed: Iterable[tuple[models.Model, set[str]]]) -> None:
    """Write the named fields of rows; one statement, run for many rows, for each table and set of fields.

    ``bulk_update`` would build a CASE for every field and row, which costs more than the writing.
    """
    groups: dict[tuple[type[models.Model], tuple[str, ...]], list[models.Model]] = {}
    for row, changed_names in changed:
        groups.setdefault((type(row), tuple(sorted(changed_names))), []).append(row)
    for (model, names), found in groups.items():
        columns = [*(_column(model, name) for name in names), _primary_key(model)]
        assignments = ", ".join(f"{_quoted(str(each.column))} = %s" for each in columns[:-1])
        table, key = _quoted(model._meta.db_table), _quoted(str(columns[-1].column))
        sql = f"UPDATE {table} SET {assignments} WHERE {key} = %s"  # noqa: S608 - our own tables
        values = [[_stored(row, each) for each in columns] for row in found]
        with connection.cursor() as cursor:
            if len(values) == 1:
                cursor.execute(sql, values[0])
            else:
                cursor.executemany(sql, values)
            if cursor.rowcount != len(values):
                raise IntegrityError(f"{model.__name__}: {cursor.rowcount} of {len(values)} locked rows were there")


def _stored(row: models.Model, field: models.Field[Any, Any]) -> Any:
    return field.get_db_prep_save(getattr(row, field.attname), connection)


def _new(row: models.Model, field: models.Field[Any, Any]) -> Any:
    return field.get_db_prep_save(field.pre_save(row, add=True), connection)


def _quoted(name: str) -> str:
    quoted: str = connection.ops.quote_name(name)
    return quoted


def _column(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    found = model._meta.get_field(name)
    if not isinstance(found, models.Field):
        raise TypeError(f"{model.__name__}.{name} is no column")
    return found


def _primary_key(model: type[models.Model]) -> models.Field[Any, Any]:
    found = model._meta.pk
    if found is None:
        raise TypeError(f"{model.__name__} has no primary key")
    return found
