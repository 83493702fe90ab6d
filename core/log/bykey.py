"""Rows by their ids, by a statement that is compiled once.

Django compiles a query anew every time it is asked, which for a row with its relations takes ten
times as long as the database needs to find it. Acts ask for rows by id and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)

# Parameters of one statement: SQLite's limit is 32,766.
MAX_KEYS = 30_000
_PLACE = "IN (%s)"
# The stubs know a later Django's.
_populators: Any = get_related_populators


class _Statement(Generic[M]):
    """What Django made of the query: the text, and how a row becomes an object."""

    def __init__(self, model: type[M], query: models.QuerySet[M]) -> None:
        self.model: Any = model
        self.key: Any = model._meta.pk
        compiler: Any = query.filter(pk__in=[self._some_key()]).order_by("pk").query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        if sql.count(_PLACE) != 1 or len(parameters) != 1:
            raise TypeError(f"a query by id must have no other condition: {sql}")
        self.before, self.after = sql.split(_PLACE)
        columns = [column for column, _, _ in compiler.select]
        self.converters: list[tuple[int, Any]] = list(compiler.get_converters(columns).items())
        info = compiler.klass_info
        self.start, self.end = info["select_fields"][0], info["select_fields"][-1] + 1
        self.names = [column.target.attname for column in columns[self.start : self.end]]
        self.relations: list[Any] = _populators(info, compiler.select, connection.alias)

    def _some_key(self) -> Any:
        # Only its place matters; fields without a default are numbers or text.
        return self.key.get_default() or (0 if self.key.get_internal_type().endswith("AutoField") else "0" * 32)

    def rows(self, keys: Collection[Any]) -> Iterator[M]:
        """The objects, in order of id."""
        sql = f"{self.before}IN ({', '.join(['%s'] * len(keys))}){self.after}"
        with connection.cursor() as cursor:
            cursor.execute(sql, [self.key.get_db_prep_value(key, connection) for key in keys])
            found = cursor.fetchall()
        for values in map(list, found):
            for place, (converters, expression) in self.converters:
                for convert in converters:
                    values[place] = convert(values[place], expression, connection)
            row = self.model.from_db(connection.alias, self.names, values[self.start : self.end])
            for relation in self.relations:
                relation.populate(values, row)
            yield row


class ByKey(Generic[M]):
    """``query`` makes the query without its ids: relations to read along, locks to take."""

    def __init__(self, model: type[M], query: Callable[[], models.QuerySet[M]]) -> None:
        self._model = model
        self._query = query
        self._statements: dict[str, _Statement[M]] = {}

    def __call__(self, keys: Collection[Any]) -> Mapping[Any, M]:
        """The rows that exist, by id and in its order."""
        statement = self._statements.get(connection.vendor)
        if statement is None:
            statement = self._statements[connection.vendor] = _Statement(self._model, self._query())
        wanted = sorted(keys)
        found: dict[Any, M] = {}
        for start in range(0, len(wanted), MAX_KEYS):
            found.update((row.pk, row) for row in statement.rows(wanted[start : start + MAX_KEYS]))
        return found
