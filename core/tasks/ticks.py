"""Periodic functions: registered by name, claimed through the database, run by whoever is free.

    @tick("purge-sign-ins", every=timedelta(hours=1))
    def purge_sign_ins() -> None: ...

in an app's ``tasks.py``. Times are the database's, so that hosts need not agree on a clock. A
function may run again before its time (after a crash, or when it outlived its lease): it must be
harmless to repeat.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import DateTimeField, DurationField, Expression, ExpressionWrapper, Q, Value
from django.db.models.functions import Now
from django.utils.module_loading import autodiscover_modules
from prometheus_client import Counter, Histogram

from core.tasks.models import Tick

logger = structlog.get_logger(__name__)

RUNS = Counter("parley_ticks", "Runs of periodic functions", ["name", "outcome"])
SECONDS = Histogram("parley_tick_seconds", "How long periodic functions take", ["name"])

# A function that failed is tried again after this long, or at its usual time if that is sooner.
RETRY_AFTER = timedelta(seconds=10)
# Seconds between two looks at the table.
LOOK = 1.0

Function = TypeVar("Function", bound=Callable[[], object])


@dataclass(frozen=True, slots=True)
class Periodic:
    """A registered function. ``lease``: after this long another runner may think this one dead."""

    name: str
    every: timedelta
    lease: timedelta
    run: Callable[[], object]


registry: dict[str, Periodic] = {}


def tick(name: str, *, every: timedelta, lease: timedelta = timedelta(minutes=5)) -> Callable[[Function], Function]:
    """Register a function to run ``every`` so often, on one host of all."""

    def register(function: Function) -> Function:
        if name in registry:
            raise ValueError(f"two ticks are named {name}")
        registry[name] = Periodic(name, every, lease, function)
        return function

    return register


def discover() -> None:
    """Import the ``tasks`` module of every app, which registers what is in it."""
    autodiscover_modules("tasks")


def plan() -> None:
    """Give every registered function its row. New ones are due at once."""
    missing = set(registry) - set(Tick.objects.values_list("name", flat=True))
    Tick.objects.bulk_create([Tick(name=name, next_at=_database_now()) for name in missing], ignore_conflicts=True)


def run_due() -> int:
    """Claim and run, one after another, what is due. The number of functions run."""
    due = Tick.objects.filter(_free(), next_at__lte=Now(), name__in=registry).order_by("next_at")
    names = list(due.values_list("name", flat=True))
    return sum(_claim_and_run(registry[name]) for name in names)


def _claim_and_run(periodic: Periodic) -> bool:
    mine = Tick.objects.filter(_free(), name=periodic.name, next_at__lte=Now())
    if not mine.update(lease_until=_from_now(periodic.lease)):
        return False  # somebody else was faster
    lease = Tick.objects.values_list("lease_until", flat=True).get(name=periodic.name)
    pause = periodic.every
    outcome = "ok"
    try:
        with SECONDS.labels(periodic.name).time():
            periodic.run()
    except Exception:
        logger.exception("tick_failed", tick=periodic.name)
        pause = min(periodic.every, RETRY_AFTER)
        outcome = "failed"
    RUNS.labels(periodic.name, outcome).inc()
    # Only while the lease is still ours: whoever took over decides about the next time.
    Tick.objects.filter(name=periodic.name, lease_until=lease).update(next_at=_from_now(pause), lease_until=None)
    return True


def _free() -> Q:
    return Q(lease_until=None) | Q(lease_until__lt=Now())


def _from_now(span: timedelta) -> Expression:
    later = Now() + Value(span, output_field=DurationField())
    return ExpressionWrapper(later, output_field=DateTimeField())


def _database_now() -> Expression:
    return ExpressionWrapper(Now(), output_field=DateTimeField())


class Runner(threading.Thread):
    """Runs what is due until ``stop``; what is under way then is finished."""

    def __init__(self) -> None:
        super().__init__(name="ticks", daemon=True)
        self._stop_asked = threading.Event()

    def stop(self, seconds: float) -> None:
        """Begin nothing more; wait at most ``seconds`` for what runs."""
        self._stop_asked.set()
        self.join(seconds)

    def run(self) -> None:
        """The thread's work. An error of the database is waited out."""
        planned = False
        while not self._stop_asked.is_set():
            close_old_connections()
            try:
                if not planned:
                    plan()
                    planned = True
                run_due()
            except DatabaseError:
                logger.exception("ticks_wait_for_database")
            self._stop_asked.wait(LOOK)
        connection.close()
