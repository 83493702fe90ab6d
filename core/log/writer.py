"""``append_many``: the one way in which anything durable changes.

Acts of one call share a transaction (and so one fsync). Whatever an act does is undone when it
raises, and takes nothing of the others with it. All locks are taken here, first rows by (table,
id), then streams by key: two calls can wait for each other but never in a circle, and where a
database still reports a deadlock the retry is here too.

The hot acts (``buffered``) ask nothing of the database while they run: their rows were locked and
their look-ups made for the whole batch before, and what they write is written for the whole batch
afterwards. A batch of sixty sends costs the queries of one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

import structlog
from django.db import DatabaseError, OperationalError, connection, models, transaction

from core import clock
from core.errors import Unavailable
from core.log import announce, locks, rows
from core.log.epoch import current_epoch
from core.log.events import Event
from core.log.models import Change, StreamGuard
from core.log.rows import RowKey

logger = structlog.get_logger(__name__)
T = TypeVar("T")
M = TypeVar("M", bound=models.Model)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

RETRIES = 6


@dataclass(frozen=True, eq=False, slots=True)
class Lookup(Generic[K, V]):
    """A read that the acts of a call share: ``load`` gets the keys of all, after the locks."""

    load: Callable[[Collection[K]], Mapping[K, V]]


@dataclass(frozen=True, slots=True)
class Act(Generic[T]):
    """One thing to do: which rows and streams it will touch, and how it is done.

    ``run`` gets the ``Writer`` and returns the act's result, or raises to be undone. It may be run
    again from the start. With ``buffered`` it promises to write only through the writer, and runs
    without a savepoint.
    """

    run: Callable[[Writer], T]
    rows: Sequence[RowKey] = ()
    streams: Sequence[str] = ()
    lookups: Sequence[tuple[Lookup[Any, Any], Hashable]] = ()
    buffered: bool = False


@dataclass(slots=True)
class _State:
    """All that acts have read, changed and left to be written; copied to be able to go back."""

    rows: dict[RowKey, models.Model]
    heads: dict[str, int]
    found: dict[tuple[Lookup[Any, Any], Hashable], Any]
    guards: dict[str, StreamGuard] = field(default_factory=dict)
    deletes: dict[RowKey, models.Model] = field(default_factory=dict)
    inserts: dict[RowKey, models.Model] = field(default_factory=dict)
    updates: dict[RowKey, set[str]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    commits: list[announce.Committed] = field(default_factory=list)
    hooks: dict[object, announce.Hook] = field(default_factory=dict)

    def copy(self) -> Self:
        return type(self)(*(getattr(self, each.name).copy() for each in fields(self)))


class Writer:
    """What an act may use while it runs: its locked rows and the streams it named."""

    def __init__(self, acts: Sequence[Act[Any]]) -> None:
        locked = locks.lock_rows({key for act in acts for key in act.rows})
        guards: dict[str, StreamGuard] = {row.stream: row for row in locked.values() if isinstance(row, StreamGuard)}
        streams = {stream for act in acts for stream in act.streams}
        # Who holds the row of a guard has its stream: nobody else appends to it.
        heads = {stream: guard.offset for stream, guard in guards.items()}
        heads.update(locks.lock_streams(streams - guards.keys()))
        self._missing = streams - heads.keys()
        heads.update(dict.fromkeys(self._missing, 0))
        self._state = _State(locked, heads, _look_up(acts), guards)
        self._written = dict(heads)
        self._act: Act[Any] | None = None
        self.epoch = current_epoch()
        self.now = clock.now()

    def row(self, model: type[M], pk: UUID | int | str) -> M | None:
        """The locked row, shared by the acts of one call; None when there is none (any more).
        Raises LookupError when the act did not name it."""
        key = (model, pk)
        if self._act is not None and key not in self._act.rows:
            raise LookupError(f"the act did not name the row {model.__name__} {pk}")
        found = self._state.rows.get(key)
        return found if isinstance(found, model) else None

    def look_up(self, lookup: Lookup[K, V], key: K) -> V | None:
        """What the look-up found for a key that the act named, or what was ``remember``ed since."""
        return self._state.found.get((lookup, key))

    def remember(self, lookup: Lookup[K, V], key: K, value: V) -> None:
        """Let later acts of this call find what this one is going to insert."""
        self._state.found[(lookup, key)] = value

    def insert(self, row: models.Model) -> None:
        """Insert a row at the end of the call."""
        # One whose id comes from the database has none yet.
        key: Any = (type(row), object() if row.pk is None else row.pk)
        self._state.inserts[key] = self._state.rows[key] = row
        if isinstance(row, StreamGuard):
            self._state.guards[row.stream] = row

    def update(self, row: models.Model, *names: str) -> None:
        """Write these fields of a locked row at the end of the call."""
        key = (type(row), row.pk)
        if key not in self._state.inserts:
            self._state.updates[key] = self._state.updates.get(key, set()) | set(names)

    def delete(self, row: models.Model) -> None:
        """Delete a row that nothing refers to at the end of the call; ``row`` gives None from now on."""
        key = (type(row), row.pk)
        self._state.rows.pop(key, None)
        self._state.updates.pop(key, None)
        if self._state.inserts.pop(key, None) is None or key in self._state.deletes:
            self._state.deletes[key] = row

    def forget(self, row: models.Model) -> None:
        """The act has deleted a row by itself: ``row`` gives None from now on."""
        key = (type(row), row.pk)
        self._state.rows.pop(key, None)
        self._state.updates.pop(key, None)

    def next_offset(self, stream: str) -> int:
        """The offset that the next ``append`` to this stream will take."""
        return self._state.heads[stream] + 1

    def append(self, stream: str, event: Event) -> int:
        """Write a change; its offset. Raises LookupError when the act did not name the stream."""
        if self._act is not None and stream not in self._act.streams:
            raise LookupError(f"the act did not name the stream {stream}")
        offset = self.next_offset(stream)
        self._state.heads[stream] = offset
        guard = self._state.guards.get(stream)
        if guard is not None:
            guard.offset = offset
            self.update(guard, "offset")
        self._state.changes.append(
            Change(
                stream_id=stream,
                offset=offset,
                event=event.name,
                object_ids=event.object_ids(),
                data=event.data(),
                created_at=self.now,
            )
        )
        self._state.commits.append(announce.Committed.of(stream, offset, self.epoch, event))
        return offset

    def on_commit(self, hook: announce.Hook, *, key: object = None) -> None:
        """Call ``hook(pipe)`` after the commit, before the announcers. Of several with the same
        ``key`` only the last is called: what a whole batch did to a room is told once."""
        self._state.hooks[key if key is not None else object()] = hook

    def _run(self, act: Act[T]) -> T | Exception:
        if not act.buffered:
            # What it does itself must find what the acts before it did.
            self._flush_rows()
        saved = self._state.copy()
        kept = [rows.Snapshot.of(saved.rows[key]) for key in act.rows if key in saved.rows]
        self._act = act
        try:
            if act.buffered:
                return act.run(self)
            with transaction.atomic():
                return act.run(self)
        except DatabaseError as error:
            # Without a savepoint the transaction may be broken: the call has to start again.
            if act.buffered or locks.is_retryable(error):
                raise
            failure: Exception = error
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the act's result
            failure = error
        finally:
            self._act = None
        self._state = saved
        for snapshot in kept:
            snapshot.restore()
        return failure

    def _flush_rows(self) -> None:
        state = self._state
        # The streams first: of two who make the same thing, the second notices it here.
        made = {key for key in self._missing if state.heads[key] or key in state.guards}
        locks.make_streams(made)
        self._missing -= made
        rows.delete(state.deletes)
        rows.insert(state.inserts.values())
        rows.update((state.rows[key], names) for key, names in state.updates.items())
        state.deletes, state.inserts, state.updates = {}, {}, {}

    def _flush(self) -> announce.Announcement:
        self._flush_rows()
        changes = self._state.changes
        moved = {change.stream_id for change in changes}
        rows.insert(changes)
        locks.move_streams({key: (self._written[key], self._state.heads[key]) for key in moved})
        newest = max((change.pk for change in changes), default=0)
        return announce.Announcement(self._state.commits, list(self._state.hooks.values()), newest)


def append_many(acts: Sequence[Act[Any]]) -> list[Any]:
    """Do all acts in one transaction; for each its result, or the exception that it raised.

    An exception of an act undoes that act alone. Raises what the database raises when nothing
    could be written, after some retries where a retry can help (then: Unavailable).
    """
    try:
        return _with_retries(acts)
    except DatabaseError:
        if len(acts) == 1:
            raise
    # One of them cannot be written, and only the database knows which.
    logger.warning("batch_split", acts=len(acts))
    return [_alone(act) for act in acts]


def _alone(act: Act[T]) -> T | Exception:
    try:
        result: T | Exception = _with_retries([act])[0]
    except DatabaseError as error:
        return error
    return result


def _with_retries(acts: Sequence[Act[Any]]) -> list[Any]:
    for attempt in range(RETRIES):
        try:
            return _append_once(acts)
        except OperationalError as error:
            # Inside somebody else's transaction a retry would run on a broken one.
            if connection.in_atomic_block or not locks.is_retryable(error):
                raise
            if attempt == RETRIES - 1:
                raise Unavailable from error
        time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")


def _append_once(acts: Sequence[Act[Any]]) -> list[Any]:
    # Not for the first time inside the transaction: what is remembered must not be undone.
    current_epoch()
    with transaction.atomic():
        writer = Writer(acts)
        results = [writer._run(act) for act in acts]
        announcement = writer._flush()
        transaction.on_commit(announcement.send, robust=True)
    return results


def _look_up(acts: Iterable[Act[Any]]) -> dict[tuple[Lookup[Any, Any], Hashable], Any]:
    wanted: dict[Lookup[Any, Any], set[Hashable]] = {}
    for act in acts:
        for lookup, key in act.lookups:
            wanted.setdefault(lookup, set()).add(key)
    return {(lookup, key): value for lookup, keys in wanted.items() for key, value in lookup.load(keys).items()}
