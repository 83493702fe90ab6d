"""The cache in Redis, shared by all processes, and the scripts that keep it right.

Every value carries the *generation* of the cache: raising that one key makes all of them worthless
at once, which is what a process does that may have failed to drop something (``repair``).

Who finds nothing takes a *lease* before asking the database, and may store what was loaded only
while the lease stands. An invalidation deletes the lease with the value, so that a loader that
read before a change and stalled, in whatever process, cannot bring the old state back. Everything
that Redis may forget (a restart, an eviction) refuses a fill; nothing forgotten lets one in. The
idea is from Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any

import structlog

from core import redis as redis_
from core.cache import stats
from core.cache.local import local
from core.cache_keys import CACHE_GENERATION, CACHE_LEASE, INVALIDATE_CHANNEL

logger = structlog.get_logger(__name__)

# The generation is made where it is missing, so that a Redis that forgot everything has another one.
# KEYS value, lease, generation · ARGV a token (of a new lease, or generation), lease ms
# -> {1, value, ms left} or {0, lease, generation}
BEGIN = """
local generation = redis.call('GET', KEYS[3])
if not generation then
  generation = ARGV[1]
  redis.call('SET', KEYS[3], generation)
end
local value = redis.call('GET', KEYS[1])
local width = #generation + 1
if value and string.sub(value, 1, width) == generation .. ' ' then
  return {1, string.sub(value, width + 1), redis.call('PTTL', KEYS[1])}
end
local lease = redis.call('GET', KEYS[2])
if not lease then
  lease = ARGV[1]
  redis.call('SET', KEYS[2], lease, 'PX', ARGV[2])
end
return {0, lease, generation}
"""

# KEYS value, lease, generation · ARGV lease, generation, value, lifetime ms -> 1 when stored
LAND = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if redis.call('GET', KEYS[3]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3], 'PX', ARGV[4])
return 1
"""

# Who published: a process knows its own invalidations already.
_sender = f"{os.getpid()}-{secrets.token_hex(4)}"
ALL = "*"


class State:
    """What this process knows of its invalidations."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        # How often invalidations may not have reached Redis, and up to which of these times the
        # generation has been raised since.
        self.losses = 0
        self.repaired = 0
        # True while this process had a channel and lost it: Redis may be another one by now.
        self.cut_off = False

    @property
    def lost(self) -> bool:
        """Whether Redis may still hold what this process has meant to drop."""
        return self.losses != self.repaired


state = State()


def sender() -> str:
    """This process's name on the channel; a forked child gets its own."""
    global _sender
    if not _sender.startswith(f"{os.getpid()}-"):
        _sender = f"{os.getpid()}-{secrets.token_hex(4)}"
    return _sender


def token() -> str:
    """A name that was never given before."""
    return secrets.token_hex(8)


def usable() -> bool:
    """Whether Redis may be asked: it answers, and nothing that we dropped can still be in it."""
    return not (state.cut_off or state.lost or redis_.breaker.open)


def message(keys: Sequence[str]) -> str:
    """The text that tells every process to drop these keys."""
    return "\n".join([sender(), *keys])


def queue_invalidation(pipe: Any, keys: Sequence[str]) -> None:
    """Add the commands that drop these keys everywhere to a pipeline."""
    pipe.delete(*keys, *(CACHE_LEASE.of(key=key) for key in keys))
    pipe.publish(INVALIDATE_CHANNEL, message(keys))


def commands_lost() -> None:
    """A pipeline that may have held invalidations did not reach Redis: trust nothing that is there
    until ``repair`` has made it worthless."""
    stats.count("cache", "lost")
    with state.lock:
        state.losses += 1
    local.clear()


def repair() -> bool:
    """Raise the generation, so that nobody uses what is in Redis; False when Redis is away."""
    with state.lock:
        losses = state.losses
        if losses == state.repaired:
            return True
        began = time.monotonic()
        try:
            with redis_.breaker.guard():
                pipe = redis_.sync_client().pipeline(transaction=False)
                queue_new_generation(pipe)
                pipe.execute()
        except redis_.UNAVAILABLE:
            return False
        local.clear()
        state.repaired = losses
        logger.info("cache_repaired", milliseconds=round((time.monotonic() - began) * 1000, 1))
        return True


def queue_new_generation(pipe: Any) -> None:
    """Add the commands that make all cached values worthless, here and in every process."""
    pipe.set(CACHE_GENERATION.of(), token())
    pipe.publish(INVALIDATE_CHANNEL, message([ALL]))
