"""Counters that cost next to nothing where they count: added up in the process, told once a second.

prometheus-client's own counter takes a lock and writes to a shared file at every step, which is too
dear for what happens tens of thousands of times a second.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping

from prometheus_client import Counter

TELL_SECONDS = 1.0


_all: list[Tally] = []


def tell_all() -> None:
    """Bring /metrics up to date with every tally of this process."""
    for tally in _all:
        tally.tell()


class Tally:
    """A counter with labels, shown at /metrics at most a second late."""

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...]) -> None:
        _all.append(self)
        self._counter = Counter(name, help_text, labels)
        self._lock = threading.Lock()
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self._told: dict[tuple[str, ...], int] = {}
        self._tell_at = 0.0

    def add(self, *labels: str, by: int = 1) -> None:
        """Count."""
        now = time.monotonic()
        with self._lock:
            self._counts[labels] += by
            late = now >= self._tell_at
        if late:
            self.tell()

    def tell(self) -> None:
        """Bring /metrics up to date."""
        with self._lock:
            self._tell_at = time.monotonic() + TELL_SECONDS
            new = {labels: count - self._told.get(labels, 0) for labels, count in self._counts.items()}
            self._told.update(self._counts)
        for labels, count in new.items():
            if count:
                (self._counter.labels(*labels) if labels else self._counter).inc(count)

    def counts(self) -> Mapping[tuple[str, ...], int]:
        """What this process has counted since its start, by labels."""
        with self._lock:
            return dict(self._counts)
