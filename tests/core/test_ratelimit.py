"""Rate limits: atomic, with an end, per address and per line, and never the reason for a standstill."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core import ratelimit
from core import redis as redis_
from core.errors import RateLimited


@pytest.fixture(autouse=True)
def limits(settings: Any) -> Any:
    settings.PARLEY_RATE_LIMITS = {"sign_in": (3, 60)}
    settings.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = True
    return settings


def refused(name: str = "sign_in", who: object = "anna", **options: Any) -> bool:
    try:
        ratelimit.check(name, who, **options)
    except RateLimited:
        return True
    return False


def test_a_refusal_names_the_limit_and_when_to_come_again() -> None:
    for _ in range(3):
        ratelimit.check("sign_in", "anna")
    with pytest.raises(RateLimited) as caught:
        ratelimit.check("sign_in", "anna")
    assert 58 <= caught.value.wait <= 60
    assert caught.value.extra == {"limit": "sign_in", "retry_after": caught.value.wait}


def test_what_comes_past_the_number_is_refused_until_the_window_ends() -> None:
    assert [refused() for _ in range(5)] == [False] * 3 + [True] * 2
    assert not refused(who="berta"), "others have counts of their own"
    redis_.sync_client().delete("rate:sign_in:anna")
    assert not refused()


def test_refusals_do_not_prolong_the_window() -> None:
    for _ in range(4):
        refused()
    redis_.sync_client().pexpire("rate:sign_in:anna", 5_000)
    with pytest.raises(RateLimited) as caught:
        ratelimit.check("sign_in", "anna")
    assert caught.value.wait <= 5


def test_a_count_without_an_end_gets_one() -> None:
    redis_.sync_client().set("rate:sign_in:anna", 9)
    assert refused()
    assert 0 < redis_.sync_client().pttl("rate:sign_in:anna") <= 60_000


def test_many_at_one_moment_are_all_counted() -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: refused(), range(24)))
    assert results.count(False) == 3


async def test_coroutines_count_with_threads() -> None:
    await ratelimit.acheck("sign_in", "anna", cost=3)
    with pytest.raises(RateLimited):
        await ratelimit.acheck("sign_in", "anna")
    await redis_.async_client().aclose()
    assert refused()


def test_what_is_forgiven_was_never_counted() -> None:
    for _ in range(3):
        refused()
    ratelimit.forgive("sign_in", "anna")
    assert not refused()


def test_what_is_taken_back_is_no_longer_counted() -> None:
    ratelimit.refund("sign_in", "anna")
    assert redis_.sync_client().get("rate:sign_in:anna") is None
    for _ in range(9):
        assert not refused()
        ratelimit.refund("sign_in", "anna")
    assert [refused() for _ in range(4)] == [False] * 3 + [True]
    assert redis_.sync_client().pttl("rate:sign_in:anna") > 0


def test_loopback_is_free_in_the_demo_alone(limits: Any) -> None:
    assert not any(refused(loopback=True) for _ in range(5))
    limits.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = False
    assert any(refused(loopback=True) for _ in range(5))


async def test_without_redis_everything_is_allowed(limits: Any) -> None:
    limits.REDIS_URL = "unix:///nowhere/redis.sock"
    assert not any(refused() for _ in range(5))
    ratelimit.forgive("sign_in", "anna")
    ratelimit.refund("sign_in", "anna")
    for _ in range(5):
        await ratelimit.acheck("sign_in", "anna")
    redis_.breaker.reset()


def test_long_names_are_counted_by_their_digest() -> None:
    for _ in range(4):
        refused(who="x" * 10_000 + "\udcff")
    (key,) = redis_.sync_client().keys("rate:*")
    assert len(key) < 100


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "address:192.0.2.7"),
        ("::ffff:192.0.2.7", "address:192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "address:2001:db8:1:2::/64"),
        ("fe80::1%eth0", "address:fe80::/64"),
        ("", "address:"),
        ("unix", "address:unix"),
    ],
)
def test_addresses(address: str, key: str) -> None:
    assert ratelimit.address_key(address) == key


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_loopback(address: str, loopback: bool) -> None:
    assert ratelimit.is_loopback(address) is loopback
