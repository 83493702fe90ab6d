"""Housekeeping that nobody else is there for."""

from __future__ import annotations

from datetime import timedelta

from django.core.management import call_command

from core.tasks.ticks import tick

# Days for which the outcome of a queued task can be looked up.
KEEP_DONE = 7
KEEP_FAILED = 30


@tick("clear-sessions", every=timedelta(days=1))
def clear_sessions() -> None:
    """Drop the sessions of the admin site that have expired."""
    call_command("clearsessions")


@tick("prune-task-results", every=timedelta(days=1))
def prune_task_results() -> None:
    """Drop the records of tasks that ended long ago."""
    call_command("prune_db_task_results", min_age_days=KEEP_DONE, failed_min_age_days=KEEP_FAILED, verbosity=0)
