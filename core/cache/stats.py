"""How often each cache answered, for /metrics: a cache that nobody hits is only a risk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from core.counters import Tally

# local: the process's copy; redis: Redis; load: the database was asked; refused: what was loaded
# had been overtaken by a change and was not kept; lost: an invalidation did not reach Redis.
Outcome = Literal["local", "redis", "load", "refused", "lost"]

_tally = Tally("parley_cache_answers", "Answers of the caches, by cache and by who had them.", ("cache", "outcome"))

tell = _tally.tell


def count(name: str, outcome: Outcome) -> None:
    """Count one outcome of the cache ``name`` (a ``CacheKey.name``)."""
    _tally.add(name, outcome)


def counts() -> Mapping[tuple[str, ...], int]:
    """What this process has counted since its start, by (cache, outcome)."""
    return _tally.counts()
