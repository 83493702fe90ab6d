"""Whatever the network does to a stream, it comes out whole, once and in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime.frames import Frame
from realtime.sequencer import MAX_WAITING, Sequencer


def frame(offset: int) -> Frame:
    return Frame("room:a", "message:created", b"{}", offset=offset, epoch="e")


def offsets(frames: list[Frame]) -> list[int | None]:
    return [one.offset for one in frames]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, list[int], set[int]]:
    """How many changes there are, in which order they arrive (some twice, some never), which were erased."""
    count = draw(st.integers(1, 30))
    arriving = draw(st.lists(st.integers(1, count), max_size=60))
    erased = draw(st.sets(st.integers(1, count), max_size=5))
    return count, [offset for offset in arriving if offset not in erased], erased


@given(deliveries(), st.lists(st.booleans(), min_size=60, max_size=60), st.integers(1, 9))
def test_shuffled_lost_and_doubled(case: tuple[int, list[int], set[int]], fills: list[bool], page: int) -> None:
    count, arriving, erased = case
    log = [offset for offset in range(1, count + 1) if offset not in erased]
    sequencer = Sequencer(0, "e")
    out: list[int | None] = []

    def fill_a_page(head: int) -> None:
        found = [offset for offset in log if sequencer.offset < offset <= head][:page]
        upto = found[-1] if len(found) == page else head
        out.extend(offsets(sequencer.fill([frame(offset) for offset in found], upto)))

    newest = 0
    for offset, fill in zip(arriving, fills, strict=False):
        newest = max(newest, offset)
        out.extend(offsets(sequencer.accept(frame(offset))))
        if fill and sequencer.is_behind:
            fill_a_page(newest)
        assert out == [known for known in log if known <= sequencer.offset]
    sequencer.hear(count)
    while sequencer.is_behind:
        fill_a_page(count)
    assert out == log
    assert sequencer.offset == sequencer.head == count


def test_in_order_nothing_waits() -> None:
    sequencer = Sequencer(4, "e")
    assert offsets(sequencer.accept(frame(5))) == [5]
    assert offsets(sequencer.accept(frame(5))) == []
    assert offsets(sequencer.accept(frame(3))) == []
    assert not sequencer.is_behind
    assert not sequencer._waiting, "nothing old is kept"


def test_early_ones_wait_for_the_missing_one() -> None:
    sequencer = Sequencer(0, "e")
    assert sequencer.accept(frame(3)) == sequencer.accept(frame(2)) == []
    assert sequencer.is_behind
    assert sequencer.head == 3
    assert offsets(sequencer.accept(frame(1))) == [1, 2, 3]
    assert not sequencer.is_behind


def test_what_waits_is_bounded_and_known_to_be_missing() -> None:
    sequencer = Sequencer(0, "e")
    last = MAX_WAITING + 50
    for offset in range(2, last + 1):
        assert sequencer.accept(frame(offset)) == []
    went_out = sequencer.accept(frame(1))
    assert offsets(went_out) == list(range(1, MAX_WAITING + 2))
    assert sequencer.is_behind
    assert sequencer.head == last


def test_hearing_of_a_head() -> None:
    sequencer = Sequencer(7, "e")
    assert not sequencer.hear(7)
    assert sequencer.hear(9)
    assert not sequencer.hear(9)
    assert sequencer.is_behind
    assert offsets(sequencer.fill([frame(8), frame(9)], 9)) == [8, 9]
