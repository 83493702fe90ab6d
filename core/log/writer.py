"""``append_many``: the one way in which anything durable changes.

Acts of one call share a transaction (and so one fsync); each has a savepoint of its own, so
that one that is refused takes nothing of the others with it. All locks are taken here, first
rows by (table, id), then streams by key: two calls can wait for each other but never in a
circle, and where a database still reports a deadlock the retry is here too.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import OperationalError, connection, models, transaction

from core import clock
from core.errors import Unavailable
from core.log import announce
from core.log.epoch import current_epoch
from core.log.events import Event
from core.log.models import Change, Stream

T = TypeVar("T")
M = TypeVar("M", bound=models.Model)
RowKey = tuple[type[models.Model], UUID | int | str]

RETRIES = 6
# PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
_RETRY_STATES = {"40001", "40P01", "55P03"}


@dataclass(frozen=True, slots=True)
class Act(Generic[T]):
    """One thing to do: which rows and streams it will touch, and how it is done.

    ``run`` gets the ``Writer`` and returns the act's result, or raises to be undone.
    """

    run: Callable[[Writer], T]
    rows: Sequence[RowKey] = ()
    streams: Sequence[str] = ()


@dataclass(slots=True)
class _Buffered:
    """What acts have left to be written or done at the end, so that it can be cut back."""

    changes: list[Change] = field(default_factory=list)
    commits: list[announce.Committed] = field(default_factory=list)
    hooks: list[tuple[object, announce.Hook]] = field(default_factory=list)

    def mark(self) -> tuple[int, int, int]:
        return len(self.changes), len(self.commits), len(self.hooks)

    def cut(self, mark: tuple[int, int, int]) -> None:
        del self.changes[mark[0] :]
        del self.commits[mark[1] :]
        del self.hooks[mark[2] :]


class Writer:
    """What an act may use while it runs: its locked rows and the streams it named."""

    def __init__(self, rows: dict[RowKey, models.Model], heads: dict[str, int]) -> None:
        self._rows = rows
        self._heads = heads
        self._buffer = _Buffered()
        self.epoch = current_epoch()
        self.now = clock.now()

    def row(self, model: type[M], pk: UUID | int | str) -> M | None:
        """The locked row, shared by the acts of one call; None when it does not exist."""
        found = self._rows.get((model, pk))
        return found if isinstance(found, model) else None

    def next_offset(self, stream: str) -> int:
        """The offset that the next ``append`` to this stream will take."""
        return self._heads[stream] + 1

    def append(self, stream: str, event: Event) -> int:
        """Write a change; its offset. Raises KeyError when the act did not name the stream."""
        offset = self._heads[stream] + 1
        self._heads[stream] = offset
        self._buffer.changes.append(
            Change(
                stream_id=stream,
                offset=offset,
                event=event.name,
                object_ids=event.object_ids(),
                data=event.data(),
                created_at=self.now,
            )
        )
        self._buffer.commits.append(announce.Committed.of(stream, offset, self.epoch, event))
        return offset

    def on_commit(self, hook: announce.Hook, *, key: object = None) -> None:
        """Call ``hook(pipe)`` after the commit, before the announcers. Of several with the same
        ``key`` only the last is called: what a whole batch did to a room is told once."""
        self._buffer.hooks.append((key if key is not None else object(), hook))

    def _run(self, act: Act[T]) -> T | Exception:
        mark = self._buffer.mark()
        heads = {stream: self._heads[stream] for stream in act.streams}
        kept = {key: copy.copy(self._rows[key].__dict__) for key in act.rows if key in self._rows}
        try:
            with transaction.atomic():
                return act.run(self)
        except OperationalError as error:
            if _is_retryable(error):
                raise
            failure: Exception = error
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the act's result
            failure = error
        self._buffer.cut(mark)
        self._heads.update(heads)
        for key, state in kept.items():
            self._rows[key].__dict__.clear()
            self._rows[key].__dict__.update(state)
        return failure

    def _flush(self) -> None:
        buffer = self._buffer
        if not buffer.changes:
            return
        Change.objects.bulk_create(buffer.changes)
        heads = {change.stream_id: change.offset for change in buffer.changes}
        Stream.objects.bulk_update([Stream(key=key, offset=heads[key]) for key in sorted(heads)], ["offset"])

    def _announcement(self) -> announce.Announcement:
        hooks = dict(self._buffer.hooks)
        newest = max((change.pk for change in self._buffer.changes), default=0)
        return announce.Announcement(self._buffer.commits, list(hooks.values()), newest)


def append_many(acts: Sequence[Act[Any]]) -> list[Any]:
    """Do all acts in one transaction; for each its result, or the exception that it raised.

    An exception of an act undoes that act alone. Raises what the database raises when the whole
    transaction fails (then nothing was written), after some retries where a retry can help.
    """
    for attempt in range(RETRIES):
        try:
            return _append_once(acts)
        except OperationalError as error:
            # Inside somebody else's transaction a retry would run on a broken one.
            if connection.in_atomic_block or not _is_retryable(error):
                raise
            if attempt == RETRIES - 1:
                raise Unavailable from error
        time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")


def _append_once(acts: Sequence[Act[Any]]) -> list[Any]:
    with transaction.atomic():
        writer = Writer(_lock_rows(acts), _lock_streams(acts))
        results = [writer._run(act) for act in acts]
        writer._flush()
        announcement = writer._announcement()
        transaction.on_commit(announcement.send, robust=True)
    return results


def _lock_rows(acts: Sequence[Act[Any]]) -> dict[RowKey, models.Model]:
    by_model: dict[type[models.Model], set[Any]] = {}
    for act in acts:
        for model, pk in act.rows:
            by_model.setdefault(model, set()).add(pk)
    rows: dict[RowKey, models.Model] = {}
    for model in sorted(by_model, key=lambda model: model._meta.label):
        # NO KEY: an insert that only refers to the row (a membership, a message) need not wait.
        query = model._default_manager.select_for_update(no_key=True).filter(pk__in=by_model[model])
        for row in query.order_by("pk"):
            rows[(model, row.pk)] = row
    return rows


def _lock_streams(acts: Iterable[Act[Any]]) -> dict[str, int]:
    keys = {key for act in acts for key in act.streams}
    if not keys:
        return {}
    heads = _locked_heads(keys)
    missing = sorted(keys - heads.keys())
    if missing:
        Stream.objects.bulk_create([Stream(key=key) for key in missing], ignore_conflicts=True)
        # The new rows are locked by us, or somebody else's and locked now; in order of key either way.
        heads = _locked_heads(keys)
    return heads


def _locked_heads(keys: set[str]) -> dict[str, int]:
    query = Stream.objects.select_for_update(no_key=True).filter(key__in=keys).order_by("key")
    return dict(query.values_list("key", "offset"))


def _is_retryable(error: OperationalError) -> bool:
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return state in _RETRY_STATES
    return "database is locked" in str(error) or "database table is locked" in str(error)
