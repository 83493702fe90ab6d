"""A topic that somebody on this process listens to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from realtime.channel import Channel, State
from realtime.frames import Encoded, Frame, Variant
from realtime.sequencer import Sequencer

if TYPE_CHECKING:
    from realtime.topics import TopicHandler

# Frames kept for channels that are catching up, which will need them in a moment.
MAX_RECENT = 512


class LiveTopic:
    """Its channels, and for a durable one where the stream stands."""

    def __init__(self, name: str, handler: TopicHandler, parameters: Mapping[str, Any]) -> None:
        self.name = name
        self.handler = handler
        self.parameters = parameters
        # All that are on it, joining ones too; those that are live once more, by what they read.
        self.channels: set[Channel] = set()
        self._groups: dict[Variant, dict[Channel, Callable[[Encoded], None]]] = {}
        self.sequencer: Sequencer | None = None
        # Durable frames that came before the position was known.
        self.early: list[Frame] = []
        self.opening: asyncio.Task[None] | None = None
        self.closing: asyncio.TimerHandle | None = None
        self.hole_timer: asyncio.TimerHandle | None = None
        self.filling: asyncio.Task[None] | None = None
        self._recent: list[Frame] = []
        self._recent_after = 0
        self._catching = 0
        # Live channels that were sent more than went out here; they skip it.
        self._ahead: set[Channel] = set()

    # --- who listens ------------------------------------------------------------------------

    def attach(self, channel: Channel, position: int) -> None:
        """Let the channel have everything past ``position`` as it comes; it has everything before."""
        channel.state = State.LIVE
        channel.position = position
        if self.sequencer is not None and position > self.sequencer.offset:
            self._ahead.add(channel)
        else:
            self._group(channel)

    def detach(self, channel: Channel) -> None:
        """Let it have nothing more."""
        channel.turn += 1
        self._ahead.discard(channel)
        self._ungroup(channel)

    def regroup(self, channel: Channel) -> None:
        """The channel reads broadcasts in another way from now on."""
        if channel.variant_in_use is not None:
            self._ungroup(channel)
            self._group(channel)

    def position_of(self, channel: Channel) -> int:
        """Up to where the channel has been sent everything (0 where nothing is numbered)."""
        if self.sequencer is None:
            return 0
        if channel.state is State.LIVE and channel not in self._ahead:
            return self.sequencer.offset
        return channel.position

    # --- what they get ----------------------------------------------------------------------

    def emit(self, frame: Frame, exclude: Channel | None = None) -> int:
        """Send a frame to all live channels but ``exclude``; how many got it."""
        if frame.offset is not None:
            if self._catching:
                self._remember(frame)
            if self._ahead:
                self._let_in(frame.offset)
        count = 0
        for variant, group in self._groups.items():
            encoded = frame.encoded(variant)
            if encoded is None:
                continue
            count += len(group)
            for channel, send in group.items():
                if channel is not exclude:
                    send(encoded)
        return count

    def _let_in(self, offset: int) -> None:
        for channel in [channel for channel in self._ahead if channel.position < offset]:
            self._ahead.discard(channel)
            self._group(channel)

    def _group(self, channel: Channel) -> None:
        channel.variant_in_use = channel.variant
        self._groups.setdefault(channel.variant_in_use, {})[channel] = channel.session.outbox.send

    def _ungroup(self, channel: Channel) -> None:
        variant, channel.variant_in_use = channel.variant_in_use, None
        if variant is not None:
            group = self._groups[variant]
            del group[channel]
            if not group:
                del self._groups[variant]

    # --- catching up ------------------------------------------------------------------------

    def begin_catching_up(self, channel: Channel) -> None:
        """From here on what goes out is kept, until no channel is catching up."""
        channel.state = State.CATCHING_UP
        if not self._catching and self.sequencer is not None:
            self._recent_after = self.sequencer.offset
        self._catching += 1

    def end_catching_up(self) -> None:
        """One channel less is catching up."""
        self._catching -= 1
        if not self._catching:
            self._recent.clear()

    def recent_after(self, position: int) -> list[Frame] | None:
        """What went out past ``position``, if everything of it is still here."""
        if position < self._recent_after:
            return None
        return [frame for frame in self._recent if frame.offset is not None and frame.offset > position]

    def _remember(self, frame: Frame) -> None:
        self._recent.append(frame)
        if len(self._recent) > MAX_RECENT:
            dropped = self._recent.pop(0)
            self._recent_after = dropped.offset or self._recent_after
