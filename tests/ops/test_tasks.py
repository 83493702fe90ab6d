"""The periodic functions of the house: registered, and harmless to run."""

from __future__ import annotations

import pytest

from core.tasks import ticks
from core.tasks.models import Tick


@pytest.mark.django_db
def test_every_periodic_function_runs_without_an_error(caplog: pytest.LogCaptureFixture) -> None:
    ticks.discover()
    assert {"clear-sessions", "prune-task-results"} <= set(ticks.registry)
    ticks.plan()
    assert ticks.run_due() == len(ticks.registry)
    assert not Tick.objects.filter(lease_until__isnull=False).exists()
    assert "tick_failed" not in caplog.text
