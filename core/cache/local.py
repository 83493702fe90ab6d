"""The process's own copy of cached values: no round trip, and therefore the strictest rules.

A copy is used only while the invalidation channel is up, and only for the lifetime it was stored
with. Whoever wants to store one takes a ``Fill`` first, before reading the value anywhere: an
invalidation kills the fills under way of its key, so that what was read before cannot land after.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# Seconds for which a key is barred from the copy after this process has queued its invalidation:
# until Redis has executed it, Redis may still hold what the copy must not take. Lifted as soon
# as the invalidation comes back over the channel.
BAR_SECONDS = 2.0


class Fill:
    """The right to store one key, until an invalidation takes it away."""

    __slots__ = ("alive", "key")

    def __init__(self, key: str, alive: bool) -> None:
        self.key = key
        self.alive = alive


@dataclass(slots=True)
class _Entry:
    value: Any
    expires: float
    order: int


class LocalCache:
    """A bounded dictionary with lifetimes; safe to use from every thread and from the loop."""

    def __init__(self, limit: int = 50_000) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._fills: defaultdict[str, set[Fill]] = defaultdict(set)
        self._barred: dict[str, float] = {}
        # Monotonic time until which the invalidation channel is known to be up.
        self._up_until = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def up(self) -> bool:
        """Whether copies may be used: no invalidation can have been missed."""
        return time.monotonic() < self._up_until

    def extend(self, until: float) -> None:
        """The channel is up, as seen until the monotonic time ``until`` (0: it is down)."""
        self._up_until = until

    def get(self, key: str) -> Any:
        """The value, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        now = time.monotonic()
        return entry.value if now < entry.expires and now < self._up_until else None

    def order(self, key: str) -> int:
        """The highest order that this process has seen of the key (0: none)."""
        entry = self._entries.get(key)
        return 0 if entry is None else entry.order

    def note(self, key: str, order: int) -> bool:
        """Remember that this order was seen; False when a higher one was seen before."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return self._store(key, None, 0.0, order)
            if entry.order < order:
                entry.value, entry.expires, entry.order = None, 0.0, order
            return entry.order == order

    def begin(self, key: str) -> Fill:
        """A fill of this key. To be taken before the value is read, and ended with ``end``."""
        fill = Fill(key, alive=False)
        now = time.monotonic()
        with self._lock:
            if now < self._up_until and self._barred.get(key, 0.0) <= now:
                self._barred.pop(key, None)
                fill.alive = True
                self._fills[key].add(fill)
        return fill

    def land(self, fill: Fill, value: Any, expires: float, order: int = 0) -> bool:
        """Store what the fill has read until the monotonic time ``expires``; False when it was
        overtaken. ``order`` (if any) must not be lower than what was stored before."""
        with self._lock:
            return fill.alive and self._store(fill.key, value, expires, order)

    def end(self, fill: Fill) -> None:
        """Give the fill back."""
        with self._lock:
            fill.alive = False
            fills = self._fills.get(fill.key)
            if fills is not None:
                fills.discard(fill)
                if not fills:
                    del self._fills[fill.key]

    def replace(self, key: str, value: Any, expires: float, order: int) -> None:
        """Store what was just committed, unless something of a higher order is known already."""
        with self._lock:
            if self._store(key, value, expires, order):
                self._kill(key)

    def drop(self, keys: Iterable[str], *, bar: bool = False) -> None:
        """Forget these keys and refuse the fills under way. ``bar`` refuses new ones too, until
        ``unbar`` or ``BAR_SECONDS`` have passed."""
        with self._lock:
            for key in keys:
                self._forget(key)
                self._kill(key)
                if bar:
                    self._bar(key)

    def unbar(self, keys: Iterable[str]) -> None:
        """Redis has executed our invalidation of these keys: fills may begin again."""
        with self._lock:
            for key in keys:
                if self._barred.pop(key, None) is not None:
                    self._kill(key)

    def clear(self) -> None:
        """Forget everything and refuse all fills under way. Bars end too: this is called when Redis
        is not asked, or when nothing that is in it counts any more."""
        with self._lock:
            for key in list(self._entries):
                self._forget(key)
            for key in list(self._fills):
                self._kill(key)
            self._barred.clear()

    def _store(self, key: str, value: Any, expires: float, order: int) -> bool:
        before = self._entries.pop(key, None)
        if before is not None and before.order > order:
            self._entries[key] = before
            return False
        while len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = _Entry(value, expires, order)
        return True

    def _forget(self, key: str) -> None:
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry.order:
            # The order outlives the value: a slower commit of this process must not come after it.
            entry.value, entry.expires = None, 0.0
        else:
            del self._entries[key]

    def _bar(self, key: str) -> None:
        now = time.monotonic()
        self._barred[key] = now + BAR_SECONDS
        if len(self._barred) > self._limit:
            self._barred = {key: until for key, until in self._barred.items() if until > now}

    def _kill(self, key: str) -> None:
        for fill in self._fills.pop(key, ()):
            fill.alive = False


local = LocalCache()
