"""The hub of a process: who listens to what, and everything that comes for them, in order.

One subscription per process and topic; what comes is encoded once and handed to every socket. All
of it lives on the event loop; threads that write hand over what they committed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
import structlog
from django.db import Error as DatabaseFailure

from core.cache import run_in_thread
from core.cache_keys import COMMIT_CHANNEL, CONTROL_CHANNEL, TOPIC_CHANNEL
from core.errors import PositionLost
from core.log import epoch, readers
from realtime import envelope, orders, recovery
from realtime.broker import Broker
from realtime.channel import Channel, State
from realtime.dialects import Act
from realtime.envelope import EnvelopeError
from realtime.follow import FollowIndex
from realtime.frames import Frame
from realtime.limits import Buckets
from realtime.live_topic import LiveTopic
from realtime.orders import Order
from realtime.rights import Rights
from realtime.sequencer import Sequencer
from realtime.sessions import Sessions
from realtime.stats import stats
from realtime.sweep import Sweeper

logger = structlog.get_logger(__name__)

# Seconds that a frame may be waited for before the log is asked (decision D).
HOLE_SECONDS = 0.05
# Seconds for which a topic stays subscribed after the last channel left: pages are reloaded.
LINGER_SECONDS = 5.0
_RETRY_SECONDS = 1.0

# What a commit says of a stream to those who follow it: name, offset, data of ``head`` or None.
Notice = tuple[str, int, dict[str, Any] | None]
_TOPIC_PREFIX = TOPIC_CHANNEL.of(topic="")


class Hub:
    """All that the sockets of one process share. ``instance`` names it to the others."""

    def __init__(self, broker: Broker, instance: str = envelope.INSTANCE) -> None:
        self.broker = broker
        self.instance = instance
        self.sessions = Sessions()
        self.follows = FollowIndex()
        self.rights = Rights(self)
        self.sweeper = Sweeper(self)
        self.buckets = Buckets()
        self._topics: dict[str, LiveTopic] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handed: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin on the running loop."""
        self._loop = asyncio.get_running_loop()
        await self.broker.subscribe(COMMIT_CHANNEL)
        await self.broker.subscribe(CONTROL_CHANNEL)
        await self.broker.start(self)
        self.sweeper.start()

    async def stop(self) -> None:
        """End; sockets that are still there get nothing more."""
        self._loop = None
        await self.sweeper.stop()
        self.follows.stop()
        for live in list(self._topics.values()):
            self._forget(live)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.broker.stop()

    def time(self) -> float:
        """The loop's clock, in seconds."""
        return asyncio.get_running_loop().time()

    def spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """Run something of the hub's beside; its failure is logged."""

        async def run() -> None:
            try:
                await work
            except Exception:
                logger.exception("hub_task_failed")

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- topics -----------------------------------------------------------------------------

    def topic(self, name: str) -> LiveTopic | None:
        """The topic, if anybody here listens to it."""
        return self._topics.get(name)

    def topics(self) -> list[LiveTopic]:
        """All topics that are listened to."""
        return list(self._topics.values())

    def place(self, channel: Channel) -> LiveTopic:
        """Put a joining channel onto its topic, where those who judge rights find it."""
        live = self._topics.get(channel.topic)
        if live is None:
            live = LiveTopic(channel.topic, channel.handler, channel.parameters)
            self._topics[channel.topic] = live
            stats.topics = len(self._topics)
        if live.closing is not None:
            live.closing.cancel()
            live.closing = None
        live.channels.add(channel)
        channel.live = live
        return live

    async def open(self, live: LiveTopic) -> None:
        """Return when the topic is subscribed to and, if it is durable, its position is known."""
        if live.opening is None:
            live.opening = asyncio.create_task(self._open(live))
        opening = live.opening
        try:
            await asyncio.shield(opening)
        except BaseException:
            # The next one who joins tries anew.
            if opening.done() and live.opening is opening:
                live.opening = None
            raise

    async def _open(self, live: LiveTopic) -> None:
        await self.broker.subscribe(TOPIC_CHANNEL.of(topic=live.name))
        if live.handler.durable:
            # After the subscription: what is committed from here on comes by itself.
            offset, current = await run_in_thread(_position, live.name)
            live.sequencer = Sequencer(offset, current)
            early, live.early = live.early, []
            for frame in early:
                self.receive(frame)

    def leave(self, channel: Channel) -> None:
        """Take a channel off its topic."""
        channel.state = State.ENDED
        self.follows.drop(channel)
        live = channel.live
        if live is None:
            return
        live.detach(channel)
        live.channels.discard(channel)
        if live.channels or self._topics.get(live.name) is not live:
            return
        if live.opening is not None and self._loop is not None:
            live.closing = self._loop.call_later(LINGER_SECONDS, self._forget, live)
        else:
            self._forget(live)

    def _forget(self, live: LiveTopic) -> None:
        for timer in (live.closing, live.hole_timer):
            if timer is not None:
                timer.cancel()
        live.hole_timer = live.closing = None
        if self._topics.get(live.name) is live:
            del self._topics[live.name]
            stats.topics = len(self._topics)
            if live.opening is not None:
                self.broker.unsubscribe(TOPIC_CHANNEL.of(topic=live.name))

    # --- what comes in ----------------------------------------------------------------------

    def publish(self, frame: Frame, exclude: Channel | None = None) -> None:
        """Tell a topic something that is not stored: here at once, elsewhere by the broker."""
        self.receive(frame, exclude)
        self.broker.publish(TOPIC_CHANNEL.of(topic=frame.topic), envelope.pack(frame, self.instance))

    def receive(self, frame: Frame, exclude: Channel | None = None) -> None:
        """A frame, from here or from another process: durable ones go out in the order of their stream."""
        live = self._topics.get(frame.topic)
        if live is None:
            return
        if frame.offset is None:
            stats.deliveries += live.emit(frame, exclude)
        elif live.sequencer is None:
            # Before the topic is being opened nothing need be kept: its position will be read after this.
            if live.handler.durable and live.opening is not None:
                live.early.append(frame)
        elif frame.epoch != live.sequencer.epoch:
            self._begin_new_epoch()
        else:
            ready = live.sequencer.accept(frame)
            if not ready and frame.offset <= live.sequencer.offset:
                stats.duplicates += 1
            self._emit(live, ready)

    def _emit(self, live: LiveTopic, frames: Sequence[Frame]) -> None:
        for frame in frames:
            if frame.event in live.handler.watched:
                self.rights.apply(live, frame)
            stats.deliveries += live.emit(frame)
        self.watch(live)

    def watch(self, live: LiveTopic) -> None:
        """See to it that what is missing is read from the log, if it does not come by itself."""
        assert live.sequencer is not None
        behind = live.sequencer.is_behind
        if not behind and live.hole_timer is not None:
            live.hole_timer.cancel()
            live.hole_timer = None
        elif behind and live.hole_timer is None and live.filling is None and self._loop is not None:
            live.hole_timer = self._loop.call_later(HOLE_SECONDS, self.fill, live)

    def fill(self, live: LiveTopic) -> None:
        """Read now what is missing."""
        if live.hole_timer is not None:
            live.hole_timer.cancel()
            live.hole_timer = None
        if live.filling is None:
            live.filling = self.spawn(self._fill(live))

    async def _fill(self, live: LiveTopic) -> None:
        sequencer = live.sequencer
        assert sequencer is not None
        limit = recovery.FIRST_PAGE
        try:
            while sequencer.is_behind and self._topics.get(live.name) is live:
                before = sequencer.offset
                try:
                    page = await run_in_thread(
                        recovery.read_page, live.handler, live.name, before, limit, sequencer.epoch
                    )
                except PositionLost:
                    self._break(live)
                    return
                except DatabaseFailure as error:
                    logger.warning("hole_not_filled", topic=live.name, error=type(error).__name__)
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                limit = page.next_limit
                known = sequencer.filled
                ready = sequencer.fill(page.frames, page.upto)
                stats.holes_filled += sequencer.filled - known
                sequencer.hear(page.head)
                self._emit(live, ready)
        finally:
            live.filling = None

    def _begin_new_epoch(self) -> None:
        """The log was replaced under us: every position is lost, and everybody joins anew."""
        logger.error("epoch_changed")
        epoch.forget()
        for live in self.topics():
            if live.handler.durable:
                self._break(live)

    def _break(self, live: LiveTopic) -> None:
        """Nothing of what stands between here and the log can be trusted: everybody is to join anew."""
        for channel in list(live.channels):
            channel.session.end_channel(channel, Act.ERROR, {"reason": PositionLost.default_code})
        self._forget(live)

    # --- from threads, from the broker --------------------------------------------------------

    def hand_over(self, call: Callable[[], None]) -> None:
        """Have ``call`` run on the loop soon, in the order of these calls. From any thread."""
        loop = self._loop
        if loop is None:
            return
        with self._lock:
            self._handed.append(call)
            if len(self._handed) > 1:
                return
        try:
            loop.call_soon_threadsafe(self._take)
        except RuntimeError:  # the loop was closed meanwhile
            self._handed.clear()

    def _take(self) -> None:
        with self._lock:
            handed, self._handed = self._handed, []
        for call in handed:
            try:
                call()
            except Exception:
                logger.exception("hand_over_failed")

    def take_commit(self, frames: Sequence[Frame], notices: Sequence[Notice]) -> None:
        """What a thread of this process has committed."""
        for frame in frames:
            self.receive(frame)
        self._notice(notices)

    def _notice(self, notices: Sequence[Notice]) -> None:
        for stream, offset, data in notices:
            if data is not None:
                self.follows.move(stream, offset, data)
            self.hear_head(stream, offset)

    def hear_head(self, stream: str, offset: int) -> None:
        """A stream is known to have come to ``offset``."""
        live = self._topics.get(stream)
        if live is not None and live.sequencer is not None and live.sequencer.hear(offset):
            self.watch(live)

    def on_message(self, channel: str, data: bytes) -> None:
        """From the broker; our own words come back and are passed over."""
        try:
            if channel == COMMIT_CHANNEL:
                sender, notices = orjson.loads(data)
                if sender != self.instance:
                    self._notice(notices)
            elif channel == CONTROL_CHANNEL:
                sender, order = orders.unpack(data)
                if sender != self.instance:
                    self.obey(order)
            else:
                sender, frame = envelope.unpack(channel.removeprefix(_TOPIC_PREFIX), data)
                if sender != self.instance:
                    self.receive(frame)
        except (EnvelopeError, ValueError, TypeError) as error:
            logger.warning("foreign_message", channel=channel, error=str(error))
        except Exception:
            # Whoever listens for us must go on: what this frame was to bring is in the log.
            logger.exception("message_failed", channel=channel)

    def on_state(self, up: bool) -> None:
        """From the broker: whatever was missed is in the log, and in the caches' absence nobody is trusted."""
        if up:
            self.sweeper.hurry()

    def obey(self, order: Order) -> None:
        """Do what this or another process ordered."""
        self.rights.obey(order)


def _position(stream: str) -> tuple[int, str]:
    return readers.head(stream), epoch.current_epoch()
