"""What tests of the log share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from unittest import mock

import pytest
from django.db import transaction

from core.log import announce, executor
from core.log.announce import Committed
from tests.log import events


@pytest.fixture(autouse=True)
def nothing_erased() -> Iterator[None]:
    events.ERASED.clear()
    yield
    events.ERASED.clear()


@pytest.fixture
def heard() -> Iterator[list[Committed]]:
    """All that was announced, in order."""
    found: list[Committed] = []

    def hear(commits: Sequence[Committed], pipe: object) -> None:
        found.extend(commits)

    announce.register_announcer(hear)
    yield found
    announce._announcers.remove(hear)


@pytest.fixture
def told_at_once() -> Iterator[None]:
    """The test's own transaction never commits: what would be told after the commit is told now."""
    with mock.patch.object(transaction, "on_commit", lambda tell, robust: tell()):
        yield


@pytest.fixture
def running_executor() -> Iterator[None]:
    """Acts share commits, as in a server."""
    executor.start()
    yield
    executor.stop()
