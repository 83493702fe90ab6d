"""Heads for those who follow a stream without joining it: a line in the room list that moves.

Who is on ``user:<id>`` follows all their rooms. A commit moves the head of its stream; what moved
in a tenth of a second is told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Any

from realtime import codec
from realtime.channel import Channel, State
from realtime.dialects import HEAD
from realtime.topics import Followed

# Seconds for which heads gather before they are told.
GATHER_SECONDS = 0.1


class _Stream:
    __slots__ = ("channels", "data", "offset")

    def __init__(self) -> None:
        self.offset = 0
        self.data: dict[str, Any] = {}
        self.channels: set[Channel] = set()


class FollowIndex:
    """Which channels follow which streams, and where those stand."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._moved: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, channel: Channel, followed: Iterable[Followed]) -> None:
        """Tell the channel of these streams from now on."""
        for one in followed:
            stream = self._streams.get(one.stream)
            if stream is None:
                stream = self._streams[one.stream] = _Stream()
            if one.offset >= stream.offset:
                stream.offset, stream.data = one.offset, {**stream.data, **one.data}
            stream.channels.add(channel)
            channel.follows.add(one.stream)

    def unfollow(self, channel: Channel, streams: Collection[str]) -> None:
        """Tell it of these no longer."""
        for name in streams:
            channel.follows.discard(name)
            if (stream := self._streams.get(name)) is not None:
                stream.channels.discard(channel)
                if not stream.channels:
                    del self._streams[name]

    def drop(self, channel: Channel) -> None:
        """The channel is gone."""
        self.unfollow(channel, list(channel.follows))

    def streams(self) -> list[str]:
        """All that anybody follows."""
        return list(self._streams)

    def is_behind(self, name: str, offset: int) -> bool:
        """Whether somebody follows the stream and was not told of ``offset`` yet."""
        stream = self._streams.get(name)
        return stream is not None and stream.offset < offset

    def move(self, name: str, offset: int, data: dict[str, Any]) -> None:
        """The stream has come to ``offset``."""
        stream = self._streams.get(name)
        if stream is None or offset <= stream.offset:
            return
        stream.offset = offset
        stream.data = {**stream.data, **data}
        self._moved.add(name)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._tell)

    def _tell(self) -> None:
        self._timer = None
        moved, self._moved = self._moved, set()
        for name in moved:
            stream = self._streams.get(name)
            if stream is None:
                continue
            payload_json = codec.dump({**stream.data, "room_offset": stream.offset})
            for channel in stream.channels:
                # Who has joined the stream's own topic gets its frames and needs no head.
                if channel.state in (State.LIVE, State.CATCHING_UP) and not channel.session.has_joined(name):
                    channel.push_json(HEAD, payload_json)

    def stop(self) -> None:
        """Tell nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
