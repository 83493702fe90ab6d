"""The process copy: what may land in it, and what takes it away."""

from __future__ import annotations

import threading
import time

import pytest

from core.cache.local import BAR_SECONDS, LocalCache


@pytest.fixture
def copy() -> LocalCache:
    cache = LocalCache(limit=10)
    cache.extend(time.monotonic() + 60)
    return cache


def in_a_minute() -> float:
    return time.monotonic() + 60


def fill(copy: LocalCache, key: str, value: object, order: int = 0) -> bool:
    token = copy.begin(key)
    landed = copy.land(token, value, in_a_minute(), order)
    copy.end(token)
    return landed


def test_a_fill_lands_and_is_read(copy: LocalCache) -> None:
    assert copy.get("k") is None
    assert fill(copy, "k", b"1")
    assert copy.get("k") == b"1"


def test_a_fill_that_was_invalidated_does_not_land(copy: LocalCache) -> None:
    token = copy.begin("k")
    copy.drop(["k"])
    assert not copy.land(token, b"old", in_a_minute())
    assert copy.get("k") is None
    assert fill(copy, "k", b"new")


def test_an_invalidation_kills_every_fill_of_its_key_and_no_other(copy: LocalCache) -> None:
    one, two, other = copy.begin("k"), copy.begin("k"), copy.begin("other")
    copy.drop(["k"])
    assert not copy.land(one, b"1", in_a_minute())
    assert not copy.land(two, b"2", in_a_minute())
    assert copy.land(other, b"3", in_a_minute())


def test_clear_forgets_everything_and_kills_all_fills(copy: LocalCache) -> None:
    fill(copy, "a", b"1")
    token = copy.begin("b")
    copy.clear()
    assert copy.get("a") is None
    assert not copy.land(token, b"2", in_a_minute())


def test_nothing_is_used_or_stored_while_the_channel_is_down(copy: LocalCache) -> None:
    fill(copy, "k", b"1")
    copy.extend(0.0)
    assert copy.get("k") is None
    assert not fill(copy, "other", b"2")
    begun_without = copy.begin("k")
    copy.extend(in_a_minute())
    # What began while nobody listened may have missed an invalidation.
    assert not copy.land(begun_without, b"3", in_a_minute())


def test_a_value_ends_with_its_lifetime(copy: LocalCache) -> None:
    token = copy.begin("k")
    assert copy.land(token, b"1", time.monotonic() - 0.001)
    assert copy.get("k") is None


def test_a_barred_key_takes_no_fill_until_it_is_unbarred(copy: LocalCache) -> None:
    copy.drop(["k"], bar=True)
    assert not fill(copy, "k", b"perhaps old")
    during = copy.begin("k")
    copy.unbar(["k"])
    assert not copy.land(during, b"perhaps old", in_a_minute())
    assert fill(copy, "k", b"new")


def test_a_bar_ends_by_itself(copy: LocalCache, monkeypatch: pytest.MonkeyPatch) -> None:
    copy.drop(["k"], bar=True)
    later = time.monotonic() + BAR_SECONDS + 0.1
    monkeypatch.setattr("core.cache.local.time.monotonic", lambda: later)
    assert fill(copy, "k", b"1")


def test_a_lower_order_never_replaces_a_higher_one(copy: LocalCache) -> None:
    copy.replace("k", b"six", in_a_minute(), order=6)
    copy.replace("k", b"five", in_a_minute(), order=5)
    assert copy.get("k") == b"six"
    assert not fill(copy, "k", b"five", order=5)
    assert fill(copy, "k", b"seven", order=7)
    assert copy.get("k") == b"seven"


def test_the_order_outlives_an_invalidation(copy: LocalCache) -> None:
    copy.replace("k", b"six", in_a_minute(), order=6)
    copy.drop(["k"])
    assert copy.get("k") is None
    assert copy.order("k") == 6
    copy.replace("k", b"five", in_a_minute(), order=5)
    assert copy.get("k") is None
    copy.clear()
    assert not copy.note("k", 5)
    assert copy.note("k", 7)
    assert copy.order("k") == 7


def test_a_commit_kills_the_fills_that_began_before(copy: LocalCache) -> None:
    token = copy.begin("k")
    copy.replace("k", b"new", in_a_minute(), order=2)
    assert not copy.land(token, b"old", in_a_minute(), order=2)
    assert copy.get("k") == b"new"


def test_the_size_is_bounded(copy: LocalCache) -> None:
    for number in range(50):
        fill(copy, str(number), b"x")
    assert len(copy) == 10
    assert copy.get("49") == b"x"
    assert copy.get("0") is None


def test_fills_leave_nothing_behind(copy: LocalCache) -> None:
    for _ in range(100):
        copy.end(copy.begin("k"))
    dropped = copy.begin("k")
    copy.drop(["k"])
    copy.end(dropped)
    assert not copy._fills


def test_many_threads_never_see_a_value_older_than_the_last_invalidation(copy: LocalCache) -> None:
    """A writer raises the truth and then invalidates; readers fill from the truth as they find it."""
    truth = [0]
    acknowledged = [0]
    stale: list[tuple[int, int]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            least = acknowledged[0]
            value = copy.get("k")
            if value is None:
                token = copy.begin("k")
                value = truth[0]
                copy.land(token, value, in_a_minute())
                copy.end(token)
            if value < least:
                stale.append((value, least))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 3000):
        truth[0] = number
        copy.drop(["k"])
        acknowledged[0] = number
    done.set()
    for reader in readers:
        reader.join()
    assert stale == []
