"""Tasks for the worker under test."""

from __future__ import annotations

from pathlib import Path

from django_tasks import task

from tests.support.services import wait_for


@task()
def note(path: str, text: str) -> None:
    """Write a file."""
    Path(path).write_text(text)


@task()
def wait_and_note(path: str) -> None:
    """Say that it began, wait for leave, say that it is done."""
    file = Path(path)
    file.with_suffix(".began").touch()
    wait_for(file.with_suffix(".go").exists, "leave to go on", 30)
    file.write_text("done")


@task()
def fail() -> None:
    """As a task does that nobody tried."""
    raise RuntimeError("as asked")
