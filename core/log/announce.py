"""After the commit: caches are made right, then everyone who registered is told.

All commands for Redis of one commit go out in one pipeline. Redis being away is counted and
logged and never fails the write: who misses an announcement sees the gap and reads the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from core import cache
from core import redis as redis_
from core.log import witness
from core.log.events import Event

logger = structlog.get_logger(__name__)

# redis-py types its pipelines only half; what we use of them is ``publish``, ``eval``, ``delete``.
Pipeline = Any
Hook = Callable[[Pipeline], None]


@dataclass(frozen=True, slots=True)
class Committed:
    """A change that is on the disk, with its payload as it goes on the wire."""

    stream: str
    offset: int
    event: str
    payload: dict[str, Any]
    payload_json: bytes

    @classmethod
    def of(cls, stream: str, offset: int, epoch: str, event: Event) -> Committed:
        """Render the event once, for everyone."""
        payload = {"offset": offset, "epoch": epoch, **event.payload()}
        return cls(stream, offset, event.name, payload, orjson.dumps(payload))


Announcer = Callable[[Sequence[Committed], Pipeline], None]

_announcers: list[Announcer] = []


def register_announcer(announcer: Announcer) -> None:
    """Have ``announcer(commits, pipe)`` called after every commit, in the thread that wrote. It may
    add commands to the pipeline; what it does itself must be quick and must not fail."""
    if announcer not in _announcers:
        _announcers.append(announcer)


@dataclass(frozen=True, slots=True)
class Announcement:
    """All that one transaction has to tell."""

    commits: Sequence[Committed]
    hooks: Sequence[Hook]
    newest_change: int

    def send(self) -> None:
        """Run the hooks, then the announcers, then send Redis its commands in one go."""
        if self.newest_change:
            witness.note(self.newest_change)
        pipe = redis_.sync_client().pipeline(transaction=False)
        for hook in self.hooks:
            _safely(hook, pipe)
        if self.commits:
            for announcer in _announcers:
                _safely(announcer, self.commits, pipe)
        execute(pipe)


def execute(pipe: Pipeline) -> bool:
    """Send a pipeline; False when Redis is away or refused a command (logged, counted)."""
    if not len(pipe):
        return True
    try:
        with redis_.breaker.guard():
            results = pipe.execute(raise_on_error=False)
    except redis_.UNAVAILABLE as error:
        logger.warning("redis_unavailable", error=type(error).__name__)
        cache.commands_lost()
        return False
    failures = [result for result in results if isinstance(result, Exception)]
    for failure in failures[:1]:
        logger.error("redis_refused", error=str(failure), count=len(failures))
    if failures:
        cache.commands_lost()
    return not failures


def _safely(call: Callable[..., None], *arguments: Any) -> None:
    # One that fails must not keep the others from being told: the write has happened.
    try:
        call(*arguments)
    except Exception:
        logger.exception("announcer_failed", announcer=getattr(call, "__qualname__", repr(call)))
