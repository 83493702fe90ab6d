"""The order of one stream: what comes in any order, twice or not at all goes out by offset, once.

Commits of two processes overtake each other on their way here, and the broker may lose one. What
comes too early waits until the gap before it is closed, by the missing frame or by the log. Pure:
who waits, and how long, is the hub's business.
"""

from __future__ import annotations

from collections.abc import Iterable

from realtime.frames import Frame

# Frames that wait for the ones before them. Past that the newest are dropped: the log has them.
MAX_WAITING = 256


class Sequencer:
    """Stands at ``offset``: everything up to it went out."""

    def __init__(self, offset: int, epoch: str) -> None:
        self.offset = offset
        self.epoch = epoch
        self._head = offset
        self._waiting: dict[int, Frame] = {}
        # Changes that only the log could tell.
        self.filled = 0

    @property
    def head(self) -> int:
        """The newest offset that is known to exist."""
        return max(self._head, self.offset)

    @property
    def is_behind(self) -> bool:
        """Whether something is known to be missing."""
        return self._head > self.offset

    def hear(self, offset: int) -> bool:
        """The stream is known to have reached ``offset``; True when that is news and leaves a gap."""
        if offset <= self._head:
            return False
        self._head = offset
        return True

    def accept(self, frame: Frame) -> list[Frame]:
        """Take a live frame; what may go out now, in order. Nothing for one that was here before."""
        offset = _offset_of(frame)
        if offset <= self.offset or offset in self._waiting:
            return []
        self.hear(offset)
        if offset == self.offset + 1:
            self.offset = offset
            return [frame, *self._next()]
        if len(self._waiting) < MAX_WAITING:
            self._waiting[offset] = frame
        return []

    def fill(self, frames: Iterable[Frame], upto: int) -> list[Frame]:
        """Take what the log says, which knows all that there is up to ``upto``; what may go out now.

        Offsets that the log leaves out (their objects were erased) are passed over.
        """
        ready = []
        for frame in frames:
            if _offset_of(frame) > self.offset:
                self.offset = _offset_of(frame)
                self.filled += self.offset not in self._waiting
                ready.append(frame)
        self.offset = max(self.offset, upto)
        return ready + self._next()

    def _next(self) -> list[Frame]:
        ready = []
        if self._waiting:
            while frame := self._waiting.pop(self.offset + 1, None):
                self.offset += 1
                ready.append(frame)
            for offset in [offset for offset in self._waiting if offset <= self.offset]:
                del self._waiting[offset]
        return ready


def _offset_of(frame: Frame) -> int:
    assert frame.offset is not None
    return frame.offset
