"""Rate limits: how often somebody may do something, counted in Redis.

A limit is ``settings.PARLEY_RATE_LIMITS[name] = (how many, per how many seconds)``. The first
act opens a window of that length; what comes past the number is refused until the window ends.
With Redis away everything is allowed: a chat that stands still would be the worse fault.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math

from django.conf import settings

from core import redis as redis_
from core.cache_keys import RATE_LIMIT
from core.errors import RateLimited

# One step in Redis, so that of two that come together both are counted and the window's end is
# never lost. Answers [count, milliseconds left].
_COUNT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
"""
# Never below nothing, and never a count without an end.
_REFUND = """
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then redis.call('DECR', KEYS[1]) end
"""
# Longer names are counted by their digest.
MAX_NAME = 80
# The addresses of one customer's line: a whole /64 is one person's in IPv6.
IPV6_PREFIX = 64


def check(name: str, who: object, *, loopback: bool = False, cost: int = 1) -> None:
    """Count an act of ``who`` against the limit ``name``. Raises RateLimited past the limit.

    ``loopback`` says that the act came from this machine, where the demo has no limits. ``cost``
    is how many acts it counts as.
    """
    if _is_off(loopback):
        return
    try:
        with redis_.breaker.guard():
            answer = redis_.sync_client().eval(_COUNT, 1, _key(name, who), *_arguments(name, cost))
    except redis_.UNAVAILABLE:
        return
    _judge(name, answer)


async def acheck(name: str, who: object, *, loopback: bool = False, cost: int = 1) -> None:
    """``check`` for coroutines."""
    if _is_off(loopback):
        return
    try:
        with redis_.breaker.guard():
            answer = await redis_.async_client().eval(_COUNT, 1, _key(name, who), *_arguments(name, cost))
    except redis_.UNAVAILABLE:
        return
    _judge(name, answer)


def forgive(name: str, who: object) -> None:
    """Forget what was counted (a sign-in succeeded: the failures before it were typing errors)."""
    try:
        with redis_.breaker.guard():
            redis_.sync_client().delete(_key(name, who))
    except redis_.UNAVAILABLE:
        return


def refund(name: str, who: object) -> None:
    """Take back one act that was counted."""
    try:
        with redis_.breaker.guard():
            redis_.sync_client().eval(_REFUND, 1, _key(name, who))
    except redis_.UNAVAILABLE:
        return


def address_key(address: str) -> str:
    """What an address is counted as: itself, or its /64 in IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"address:{address}"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return f"address:{parsed.ipv4_mapped}"
        return f"address:{ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False)}"
    return f"address:{parsed}"


def is_loopback(address: str) -> bool:
    """Whether the address is this machine's own."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _is_off(loopback: bool) -> bool:
    return loopback and settings.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK


def _key(name: str, who: object) -> str:
    text = str(who)
    if len(text) > MAX_NAME:
        text = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return RATE_LIMIT.of(limit=name, who=text)


def _arguments(name: str, cost: int) -> tuple[int, int]:
    return settings.PARLEY_RATE_LIMITS[name][1] * 1000, cost


def _judge(name: str, answer: list[int]) -> None:
    count, left_ms = answer
    if count > settings.PARLEY_RATE_LIMITS[name][0]:
        raise RateLimited(name, max(1, math.ceil(left_ms / 1000)))
