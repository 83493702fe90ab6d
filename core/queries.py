"""How many queries this installation asks of its database, for /metrics and for the benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from core.counters import Tally

_tally = Tally("parley_db_queries", "Queries sent to the database, without BEGIN and COMMIT.", ())

counts = _tally.counts
tell = _tally.tell


def install() -> None:
    """Count the queries of every connection that is opened from now on."""
    connection_created.connect(_count_on, dispatch_uid="count-queries")


def _count_on(sender: object, connection: BaseDatabaseWrapper, **_: object) -> None:
    if _count not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count)


def _count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    _tally.add()
    return execute(sql, params, many, context)
