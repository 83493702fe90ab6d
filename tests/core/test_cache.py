"""The cache on a real Redis: what is answered, and which fills are refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import transaction

from core import cache
from core import redis as redis_
from core.cache import shared
from core.cache.lookup import TRIES
from core.cache_keys import CACHE_GENERATION, CACHE_LEASE, USER_ROLE
from core.log.announce import execute

KEY = USER_ROLE.of(user_id="somebody")


class Truth:
    """A "database" of one value that counts how often it is asked."""

    def __init__(self) -> None:
        self.value = b"1"
        self.asked = 0

    def load(self) -> bytes:
        self.asked += 1
        return self.value


class PausedLoad:
    """A load that has read its value and then waits until the test lets it go on, the first time."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.has_read = threading.Event()
        self.go_on = threading.Event()

    def __call__(self) -> bytes:
        value = self.truth.load()
        if not self.has_read.is_set():
            self.has_read.set()
            assert self.go_on.wait(20)
        return value


@pytest.fixture
def truth() -> Truth:
    return Truth()


def is_lost() -> bool:
    return shared.state.lost


def get(load: Callable[[], bytes]) -> bytes:
    return cache.get_or_load(KEY, USER_ROLE, load)


def start(load: Callable[[], bytes]) -> Future[bytes]:
    pool = ThreadPoolExecutor(1)
    future = pool.submit(get, load)
    pool.shutdown(wait=False)
    return future


def test_the_second_question_is_not_asked_of_the_database(truth: Truth) -> None:
    assert [get(truth.load), get(truth.load)] == [b"1", b"1"]
    assert truth.asked == 1
    left = redis_.sync_client().pttl(KEY)
    assert 0 < left <= USER_ROLE.ttl_ms


def test_after_an_invalidation_the_database_is_asked(truth: Truth) -> None:
    get(truth.load)
    truth.value = b"2"
    cache.invalidate(KEY)
    assert get(truth.load) == b"2"
    assert truth.asked == 2


def test_an_empty_value_is_a_value(truth: Truth) -> None:
    truth.value = b""
    assert [get(truth.load), get(truth.load)] == [b"", b""]
    assert truth.asked == 1


def test_a_fill_that_stalled_across_an_invalidation_does_not_land(truth: Truth) -> None:
    paused = PausedLoad(truth)
    reader = start(paused)
    assert paused.has_read.wait(20)
    truth.value = b"2"
    cache.invalidate(KEY)
    assert get(truth.load) == b"2"
    paused.go_on.set()
    # The stalled reader itself asks again and answers what is true now.
    assert reader.result(20) == b"2"
    assert get(truth.load) == b"2"


def test_a_stalled_fill_is_refused_even_where_nobody_has_filled_since(truth: Truth) -> None:
    paused = PausedLoad(truth)
    reader = start(paused)
    assert paused.has_read.wait(20)
    cache.invalidate(KEY)
    lease = redis_.sync_client().get(CACHE_LEASE.of(key=KEY))
    assert lease is None
    truth.value = b"2"
    paused.go_on.set()
    assert reader.result(20) == b"2"


@pytest.mark.parametrize("forgotten", ["lease", "everything"])
def test_what_redis_forgets_refuses_a_fill(truth: Truth, forgotten: str) -> None:
    paused = PausedLoad(truth)
    reader = start(paused)
    assert paused.has_read.wait(20)
    client = redis_.sync_client()
    if forgotten == "lease":
        client.delete(CACHE_LEASE.of(key=KEY))
    else:
        client.flushall()
    truth.value = b"2"
    paused.go_on.set()
    assert reader.result(20) == b"2"
    assert truth.asked == 2


def test_a_new_generation_makes_everything_worthless(truth: Truth) -> None:
    get(truth.load)
    truth.value = b"2"
    redis_.sync_client().set(CACHE_GENERATION.of(), "another")
    assert get(truth.load) == b"2"


def test_a_new_generation_refuses_the_fills_under_way(truth: Truth) -> None:
    paused = PausedLoad(truth)
    reader = start(paused)
    assert paused.has_read.wait(20)
    truth.value = b"2"
    redis_.sync_client().set(CACHE_GENERATION.of(), "another")
    paused.go_on.set()
    assert reader.result(20) == b"2"


def test_a_loader_that_is_overtaken_again_and_again_answers_and_keeps_nothing(truth: Truth) -> None:
    def load() -> bytes:
        value = truth.load()
        cache.invalidate(KEY)
        return value

    assert get(load) == b"1"
    assert truth.asked == TRIES
    assert redis_.sync_client().get(KEY) is None


def test_an_invalidation_in_a_commits_pipeline_counts_when_it_is_sent(truth: Truth) -> None:
    get(truth.load)
    truth.value = b"2"
    pipe = redis_.sync_client().pipeline(transaction=False)
    cache.invalidate(KEY, pipe=pipe)
    assert execute(pipe)
    assert get(truth.load) == b"2"


def test_an_invalidation_that_did_not_reach_redis_is_made_good(truth: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    get(truth.load)
    truth.value = b"2"
    pipe = redis_.sync_client().pipeline(transaction=False)
    cache.invalidate(KEY, pipe=pipe)
    with monkeypatch.context() as broken:
        broken.setattr(pipe, "execute", lambda **_: (_ for _ in ()).throw(ConnectionError("cut")))
        assert not execute(pipe)
    # Redis still has the old value, and nobody here believes it.
    assert b"1" in (redis_.sync_client().get(KEY) or b"")
    assert is_lost()
    assert get(truth.load) == b"2"
    redis_.breaker.reset()
    # The next one makes all that is in Redis worthless, for every process.
    assert get(truth.load) == b"2"
    assert not is_lost()
    asked = truth.asked
    assert get(truth.load) == b"2"
    assert truth.asked == asked


@pytest.mark.django_db(transaction=True)
def test_what_is_read_inside_a_transaction_is_kept_from_the_others(truth: Truth) -> None:
    with transaction.atomic():
        truth.value = b"uncommitted"
        assert get(truth.load) == b"uncommitted"
    truth.value = b"1"
    assert get(truth.load) == b"1"


@pytest.mark.django_db(transaction=True)
def test_an_invalidation_inside_a_transaction_waits_for_the_commit(truth: Truth) -> None:
    get(truth.load)
    with transaction.atomic():
        cache.invalidate(KEY)
        # Nobody else sees the change yet: what is read now is right until the commit.
        assert redis_.sync_client().get(KEY) is not None
    assert redis_.sync_client().get(KEY) is None


def test_an_exception_of_a_load_is_the_callers_and_is_not_kept(truth: Truth) -> None:
    def fail() -> bytes:
        raise LookupError("no such user")

    with pytest.raises(LookupError):
        get(fail)
    assert get(truth.load) == b"1"


def test_answers_are_counted_by_cache_and_outcome(truth: Truth) -> None:
    before = dict(cache.counts())
    get(truth.load)
    get(truth.load)
    after = cache.counts()
    assert after["role", "load"] == before.get(("role", "load"), 0) + 1
    assert after["role", "redis"] == before.get(("role", "redis"), 0) + 1
