"""Writing many rows in few statements, and taking a row in memory back to where it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.db import IntegrityError, connection, models

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
    """Insert rows, a statement for each table (foreign keys are checked at the commit)."""
    by_model: dict[type[models.Model], list[models.Model]] = {}
    for row in rows:
        by_model.setdefault(type(row), []).append(row)
    for model, found in by_model.items():
        model._default_manager.bulk_create(found)


def update(changed: Iterable[tuple[models.Model, set[str]]]) -> None:
    """Write the named fields of rows; one statement, run for many rows, for each table and set of fields.

    ``bulk_update`` would build a CASE for every field and row, which costs more than the writing.
    """
    groups: dict[tuple[type[models.Model], tuple[str, ...]], list[models.Model]] = {}
    for row, changed_names in changed:
        groups.setdefault((type(row), tuple(sorted(changed_names))), []).append(row)
    quote = connection.ops.quote_name
    for (model, names), found in groups.items():
        fields = [_column(model, name) for name in names]
        key = _primary_key(model)
        assignments = ", ".join(f"{quote(str(each.column))} = %s" for each in fields)
        sql = (
            f"UPDATE {quote(model._meta.db_table)} SET {assignments} "  # noqa: S608 - names of our own tables
            f"WHERE {quote(str(key.column))} = %s"
        )
        columns = (*fields, key)
        values = [[each.get_db_prep_save(getattr(row, each.attname), connection) for each in columns] for row in found]
        with connection.cursor() as cursor:
            if len(values) == 1:
                cursor.execute(sql, values[0])
            else:
                cursor.executemany(sql, values)
            if cursor.rowcount != len(values):
                raise IntegrityError(f"{model.__name__}: {cursor.rowcount} of {len(values)} locked rows were there")


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
