"""How often and how much: what a socket may do, counted in this process.

A limit is the same pair that ``PARLEY_RATE_LIMITS`` gives for REST, here as a bucket of tokens: a
burst of the whole number, then as many per second as refill it in its time. Counted in the process,
because a round trip to Redis would cost more than most pushes.
"""

from __future__ import annotations

import math
import time

from django.conf import settings

from core.errors import PayloadTooLarge, RateLimited
from realtime import codec
from realtime.codec import Kind, Message

_MAX_BUCKETS = 50_000
# JSON that is read and written again grows at most so much (numbers like 1e15).
_GROWTH = 6


class Buckets:
    """Buckets by limit and by whom they count."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, limit: str, who: str) -> None:
        """Count one act. Raises RateLimited when the bucket is empty."""
        size, seconds = settings.PARLEY_RATE_LIMITS[limit]
        now = time.monotonic()
        tokens, since = self._buckets.get((limit, who), (float(size), now))
        tokens = min(float(size), tokens + (now - since) * size / seconds)
        if tokens < 1:
            raise RateLimited(limit, max(1, math.ceil((1 - tokens) * seconds / size)))
        self._buckets[(limit, who)] = (tokens - 1, now)
        if len(self._buckets) > _MAX_BUCKETS:
            self._forget_idle(now)

    def _forget_idle(self, now: float) -> None:
        longest = max(seconds for _, seconds in settings.PARLEY_RATE_LIMITS.values())
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket[1] < longest}


def check_payload(message: Message, frame_bytes: int) -> None:
    """Raise PayloadTooLarge for a payload of more than ``MAX_PAYLOAD_BYTES`` (as it is when binary, else
    as compact JSON), and FrameError for one that cannot be written as JSON again."""
    payload = message.payload
    if message.kind is Kind.USER_PUSH and isinstance(payload["payload"], bytes):
        payload = payload["payload"]
    if isinstance(payload, bytes):
        size = len(payload)
    elif frame_bytes * _GROWTH <= settings.MAX_PAYLOAD_BYTES:
        return
    else:
        size = len(codec.dump(payload))
    if size > settings.MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(f"A payload has at most {settings.MAX_PAYLOAD_BYTES} bytes; this one has {size}.")
