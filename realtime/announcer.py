"""From the log to the wire: what a transaction committed, for the hub here and for all others."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import structlog

from core.cache_keys import COMMIT_CHANNEL, TOPIC_CHANNEL
from core.errors import NotFound
from core.log.announce import Committed, Pipeline
from realtime import envelope, runtime, topics
from realtime.frames import Frame
from realtime.hub import Notice

logger = structlog.get_logger(__name__)


def announce(commits: Sequence[Committed], pipe: Pipeline) -> None:
    """Tell what was committed, in the thread that wrote it (``core.log.announce``)."""
    frames = [
        Frame(one.stream, one.event, one.payload_json, offset=one.offset, epoch=str(one.payload["epoch"]))
        for one in commits
    ]
    notices = [_notice(one) for one in commits]
    hub = runtime.hub()
    instance = envelope.INSTANCE if hub is None else hub.instance
    if hub is not None:
        hub.hand_over(lambda: hub.take_commit(frames, notices))
    for frame in frames:
        pipe.publish(TOPIC_CHANNEL.of(topic=frame.topic), envelope.pack(frame, instance))
    pipe.publish(COMMIT_CHANNEL, orjson.dumps([instance, notices]))


def _notice(commit: Committed) -> Notice:
    try:
        data = topics.find(commit.stream)[0].head(commit)
    except NotFound:
        # A stream that is no topic of ours.
        data = None
    return commit.stream, commit.offset, data
