"""Periodic functions: run when due, by one runner of many, again after a failure."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from core.tasks import ticks
from core.tasks.models import Tick
from tests.support.services import wait_for

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "registry", {})


def make(name: str = "count", *, every: float = 3600, lease: float = 300, fail: bool = False) -> list[str]:
    """Register a function that notes its runs in the list returned."""
    runs: list[str] = []

    @ticks.tick(name, every=timedelta(seconds=every), lease=timedelta(seconds=lease))
    def noted() -> None:
        runs.append(name)
        if fail:
            raise RuntimeError("as asked")

    return runs


def seconds_until(name: str) -> float:
    """From the database's now to the next run."""
    row = Tick.objects.annotate(now=Now()).get(name=name)
    return (row.next_at - row.now).total_seconds()


@pytest.mark.django_db
def test_a_new_function_is_due_at_once_and_then_after_its_period() -> None:
    runs = make(every=3600)
    ticks.plan()
    assert ticks.run_due() == 1
    assert runs == ["count"]
    assert 3590 < seconds_until("count") <= 3600
    assert Tick.objects.get().lease_until is None
    assert ticks.run_due() == 0
    assert runs == ["count"]


@pytest.mark.django_db
def test_planning_again_changes_nothing() -> None:
    make()
    ticks.plan()
    Tick.objects.update(next_at=FAR)
    ticks.plan()
    assert Tick.objects.get().next_at == FAR


@pytest.mark.django_db
def test_a_failure_is_tried_again_soon() -> None:
    runs = make(every=3600, fail=True)
    ticks.plan()
    assert ticks.run_due() == 1
    assert 0 < seconds_until("count") <= ticks.RETRY_AFTER.total_seconds()
    Tick.objects.update(next_at=LONG_AGO)
    assert ticks.run_due() == 1
    assert runs == ["count", "count"]


@pytest.mark.django_db
def test_a_failure_does_not_come_back_later_than_its_period() -> None:
    make(every=2, fail=True)
    ticks.plan()
    ticks.run_due()
    assert seconds_until("count") <= 2


@pytest.mark.django_db
def test_a_lease_keeps_others_away_until_it_expires() -> None:
    runs = make()
    Tick.objects.create(name="count", next_at=LONG_AGO, lease_until=FAR)
    assert ticks.run_due() == 0
    Tick.objects.update(lease_until=LONG_AGO)
    assert ticks.run_due() == 1
    assert runs == ["count"]


@pytest.mark.django_db
def test_who_outlived_the_lease_does_not_disturb_who_took_over() -> None:
    @ticks.tick("slow", every=timedelta(hours=1))
    def slow() -> None:
        # Another runner took over meanwhile.
        Tick.objects.update(lease_until=FAR, next_at=LONG_AGO)

    ticks.plan()
    ticks.run_due()
    row = Tick.objects.get()
    assert row.lease_until == FAR
    assert row.next_at == LONG_AGO


@pytest.mark.django_db
def test_rows_of_functions_that_no_longer_exist_are_left_alone() -> None:
    Tick.objects.create(name="gone", next_at=LONG_AGO)
    assert ticks.run_due() == 0
    assert Tick.objects.get().next_at == LONG_AGO


def test_two_functions_cannot_share_a_name() -> None:
    make("same")
    with pytest.raises(ValueError, match="same"):
        make("same")


@pytest.mark.django_db(transaction=True)
def test_of_many_runners_at_once_one_runs_it() -> None:
    runs = make()
    ticks.plan()
    start = threading.Barrier(6)
    counts: list[int] = []

    def run() -> None:
        start.wait(10)
        counts.append(ticks.run_due())
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(counts) == 6
    assert sum(counts) == 1
    assert runs == ["count"]


@pytest.mark.django_db(transaction=True)
def test_the_runner_runs_what_is_due_and_stops() -> None:
    runs = make(every=0.05)
    runner = ticks.Runner()
    runner.start()
    wait_for(lambda: len(runs) >= 2, "two runs", 20)
    runner.stop(10)
    assert not runner.is_alive()
