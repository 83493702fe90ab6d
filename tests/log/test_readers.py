"""Reading the log: pages without holes, and positions that are lost."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import PositionLost
from core.log import epoch, readers
from core.log.models import Change, Stream
from core.log.writer import Act, append_many
from tests.log import events
from tests.log.events import Noted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ten() -> None:
    append_many([note(number) for number in range(1, 11)])


def note(number: int) -> Act[int]:
    return Act(run=lambda w: w.append("a", Noted(number)), streams=["a"])


def offsets(page: readers.ChangesPage) -> list[int]:
    return [change["offset"] for change in page.changes]


def test_pages_follow_each_other_without_a_hole() -> None:
    found: list[int] = []
    after = 0
    while True:
        page = readers.read_changes("a", after=after, limit=3)
        found += offsets(page)
        assert (page.offset, page.epoch) == (10, epoch.current_epoch())
        if not page.has_more:
            break
        after = found[-1]
    assert found == list(range(1, 11))
    assert page.as_dict()["changes"][0] == {"offset": 10, "event": "test:noted", "payload": {"note": 10}}


def test_a_page_that_ends_at_the_head_has_no_more() -> None:
    page = readers.read_changes("a", after=7, limit=3)
    assert (offsets(page), page.has_more) == ([8, 9, 10], False)
    assert (offsets(readers.read_changes("a", after=10, limit=3))) == []


def test_an_unknown_stream_is_an_empty_one() -> None:
    page = readers.read_changes("nobody", after=0, limit=3)
    assert (page.changes, page.offset, page.has_more) == ([], 0, False)
    with pytest.raises(PositionLost):
        readers.read_changes("nobody", after=1, limit=3)


def test_an_erased_object_leaves_no_silent_end() -> None:
    """A page may be empty and yet have more: ``has_more`` counts offsets, not payloads."""
    events.ERASED.update({1, 2, 3, 5})
    page = readers.read_changes("a", after=0, limit=3)
    assert (page.changes, page.has_more) == ([], True)
    assert offsets(readers.read_changes("a", after=3, limit=3)) == [4, 6]


@pytest.mark.parametrize("after", [11, 10**12])
def test_a_position_past_the_head_is_lost(after: int) -> None:
    with pytest.raises(PositionLost) as lost:
        readers.read_changes("a", after=after, limit=3)
    assert lost.value.extra == {"epoch": epoch.current_epoch(), "offset": 10}


def test_another_epoch_is_lost() -> None:
    for other in ("other", ""):
        with pytest.raises(PositionLost) as lost:
            readers.read_changes("a", after=3, limit=3, epoch=other)
        assert lost.value.extra == {"epoch": epoch.current_epoch()}
    assert offsets(readers.read_changes("a", after=3, limit=1, epoch=epoch.current_epoch())) == [4]
    old = epoch.current_epoch()
    new = epoch.begin_new_epoch()
    assert new != old
    with pytest.raises(PositionLost):
        readers.read_changes("a", after=3, limit=3, epoch=old)


def test_a_position_before_what_compaction_left_is_lost() -> None:
    Change.objects.filter(stream="a", offset__lte=4).delete()
    Stream.objects.filter(key="a").update(floor=4)
    with pytest.raises(PositionLost):
        readers.read_changes("a", after=3, limit=3)
    assert offsets(readers.read_changes("a", after=4, limit=3)) == [5, 6, 7]


@pytest.mark.parametrize("gone", [{5}, {5, 6}, {6}, {7}, {10}])
def test_a_hole_is_told_and_not_skipped(gone: set[int]) -> None:
    """Compaction between the two questions, or a log that was damaged."""
    Change.objects.filter(stream="a", offset__in=gone).delete()
    with pytest.raises(PositionLost):
        readers.read_changes("a", after=4, limit=6)
    assert offsets(readers.read_changes("a", after=0, limit=4)) == [1, 2, 3, 4]


def test_heads_of_many_streams_cost_one_query() -> None:
    append_many([Act(run=lambda w: w.append("b", Noted(1)), streams=["b"])])
    with CaptureQueriesContext(connection) as captured:
        assert readers.heads(["a", "b", "c"]) == {"a": 10, "b": 1}
    assert len(captured) == 1
    assert (readers.head("a"), readers.head("c")) == (10, 0)
