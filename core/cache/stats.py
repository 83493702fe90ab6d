"""How often each cache answered, for /metrics: a cache that nobody hits is only a risk."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

# local: the process's copy; redis: Redis; load: the database was asked; refused: what was loaded
# had been overtaken by a change and was not kept; lost: an invalidation did not reach Redis.
Outcome = Literal["local", "redis", "load", "refused", "lost"]

_lock = threading.Lock()
_counts: defaultdict[tuple[str, Outcome], int] = defaultdict(int)


def count(name: str, outcome: Outcome) -> None:
    """Count one outcome of the cache ``name`` (a ``CacheKey.name``)."""
    with _lock:
        _counts[name, outcome] += 1


def counts() -> Mapping[tuple[str, Outcome], int]:
    """What this process has counted since its start, by (cache, outcome)."""
    with _lock:
        return dict(_counts)
