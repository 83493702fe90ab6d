"""What a channel missed, from the log, and the seam to what happens now.

First the topic is subscribed to, then the log is read; what goes out meanwhile is kept. When the
log has brought the channel to where the kept frames begin, it gets those and is live, in one step
of the event loop: nothing is missing between the two and nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from core.cache import run_in_thread
from core.errors import PositionLost
from realtime.channel import Channel
from realtime.frames import Frame
from realtime.stats import stats

if TYPE_CHECKING:
    from realtime.topics import TopicHandler

# Changes in a page; the first is small because a change may carry 100 KB.
FIRST_PAGE = 20
PAGE = 100
_LARGE_CHANGE = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """Changes as frames. The log knows nothing else up to ``upto``; ``head`` is the stream's newest."""

    frames: list[Frame]
    upto: int
    head: int
    epoch: str

    @property
    def next_limit(self) -> int:
        """How many changes the next page may have."""
        size = sum(len(frame.body) for frame in self.frames)
        return FIRST_PAGE if size > _LARGE_CHANGE * max(1, len(self.frames)) else PAGE


def read_page(handler: TopicHandler, topic: str, after: int, limit: int, epoch: str | None) -> Page:
    """A page of the log, in a thread. Raises PositionLost."""
    page = handler.history(topic, after, limit, epoch)
    frames = [_frame(topic, change, page.epoch) for change in page.changes]
    # Offsets have no gaps, so a full page covers ``limit`` of them, erased ones included.
    upto = min(after + limit, page.offset) if page.has_more else page.offset
    return Page(frames, upto, page.offset, page.epoch)


def _frame(topic: str, change: Mapping[str, Any], epoch: str) -> Frame:
    offset = change["offset"]
    payload = {"offset": offset, "epoch": epoch, **change["payload"]}
    return Frame.of(topic, change["event"], payload, offset=offset, epoch=epoch)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the reply to a join says of the stream, and where the channel begins.

    ``position`` None: at the topic's own, wherever that is when the reply goes out.
    """

    answer: dict[str, Any]
    position: int | None = None
    page: Page | None = None


async def plan(channel: Channel) -> Plan:
    """Find out whether the channel can be brought to the present from where its client stands."""
    live, wanted = channel.live, channel.config.recover
    assert live is not None
    assert live.sequencer is not None
    if wanted is None:
        return Plan({})
    lost = Plan({"recovered": False, "reason": PositionLost.default_code})
    if wanted.epoch != live.sequencer.epoch:
        stats.positions_lost += 1
        return lost
    if wanted.offset == live.sequencer.offset:
        return Plan({"recovered": True}, wanted.offset)
    try:
        page = await run_in_thread(read_page, live.handler, live.name, wanted.offset, FIRST_PAGE, wanted.epoch)
    except PositionLost:
        stats.positions_lost += 1
        return lost
    if page.head - wanted.offset > settings.MAX_RECOVERED_CHANGES:
        stats.positions_lost += 1
        return lost
    stats.recovered += 1
    return Plan({"recovered": True}, wanted.offset, page)


async def catch_up(channel: Channel, position: int, page: Page | None = None) -> None:
    """Send what lies past ``position`` and let the channel be live; ``page``: the first one, if read.

    Ends early when the channel is detached. Raises what the database raises, and PositionLost.
    """
    live = channel.live
    assert live is not None
    assert live.sequencer is not None
    channel.turn += 1
    turn = channel.turn
    channel.position = position
    limit = FIRST_PAGE
    live.begin_catching_up(channel)
    try:
        while channel.turn == turn:
            recent = live.recent_after(channel.position)
            if recent is not None:
                for frame in recent:
                    channel.push_frame(frame)
                live.attach(channel, max(channel.position, live.sequencer.offset))
                return
            if page is None:
                page = await run_in_thread(
                    read_page, live.handler, live.name, channel.position, limit, live.sequencer.epoch
                )
                if channel.turn != turn:
                    return
            for frame in page.frames:
                channel.push_frame(frame)
            channel.position = max(channel.position, page.upto)
            limit, page = page.next_limit, None
            await channel.session.outbox.drain()
    finally:
        live.end_catching_up()
