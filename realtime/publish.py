"""Telling a topic something that is not stored: typing, presence, receipts, broadcasts by REST."""

from __future__ import annotations

from typing import Any

from core import redis as redis_
from core.cache_keys import TOPIC_CHANNEL
from realtime import envelope, runtime
from realtime.frames import Frame


def publish(topic: str, event: str, payload: Any) -> None:
    """Tell everybody on ``topic``, on every process. From any thread; who is not there never hears of it.

    Raises FrameError when JSON cannot hold the payload.
    """
    frame = Frame.of(topic, event, payload)
    hub = runtime.hub()
    if hub is not None:
        hub.hand_over(lambda: hub.publish(frame))
        return
    try:
        with redis_.breaker.guard():
            redis_.sync_client().publish(TOPIC_CHANNEL.of(topic=topic), envelope.pack(frame))
    except redis_.UNAVAILABLE:
        return
