"""Who may stay: what changes of the stream, orders from elsewhere and time do to those who are here.

A right that has become doubtful is judged by the database before anything more is sent. So a person
who was removed gets nothing past the change that removed them, and one who was removed and added
again is not thrown out by the older of the two.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from django.db import Error as DatabaseFailure

from core.cache import run_in_thread
from core.errors import InvalidToken, ParleyError, socket_error
from realtime import authenticator, recovery
from realtime.channel import Channel, State
from realtime.close_codes import CloseCode
from realtime.dialects import Act
from realtime.frames import Frame
from realtime.live_topic import LiveTopic
from realtime.recovery import Page
from realtime.sessions import DOUBT_SECONDS
from realtime.topics import Followed, find

if TYPE_CHECKING:
    from realtime.hub import Hub
    from realtime.orders import Order
    from realtime.session import Session

logger = structlog.get_logger(__name__)


class Rights:
    """Judges channels and sessions of a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    # --- channels ---------------------------------------------------------------------------

    def apply(self, live: LiveTopic, frame: Frame) -> None:
        """What this frame, which is about to go out, means for those who would get it."""
        effects = live.handler.effects(live.parameters, frame.event, frame.payload)
        position = (frame.offset or 1) - 1
        for channel in list(live.channels):
            if channel.user_id in effects.recheck:
                self.doubt(channel, position)
            if effects.unfollow:
                self._hub.follows.unfollow(channel, effects.unfollow)
            if channel.state is State.JOINING and (effects.follow or effects.unfollow):
                # What it is going to follow was read before this.
                channel.doubtful = True
            if effects.follow:
                # At once and empty, so that a later "unfollow" finds it; where it stands is read then.
                self._hub.follows.follow(channel, [Followed(stream, 0, {}) for stream in effects.follow])
        if effects.follow:
            self._hub.spawn(self.load_heads(list(effects.follow)))

    def doubt(self, channel: Channel, position: int) -> None:
        """Send nothing past ``position`` until the channel's right to be on its topic is certain."""
        live = channel.live
        if channel.state is State.JOINING or live is None:
            channel.doubtful = True
            return
        if channel.state is State.ENDED:
            return
        if channel.variant_in_use is None:
            position = channel.position
        live.detach(channel)
        channel.state = State.CATCHING_UP
        channel.position = position
        self._hub.spawn(self._judge(channel, position))

    async def _judge(self, channel: Channel, position: int) -> None:
        turn = channel.turn
        try:
            await channel.handler.authorize(channel)
        except ParleyError as error:
            channel.session.end_channel(channel, Act.CLOSE, socket_error(error))
        except Exception:
            logger.exception("authorize_failed", topic=channel.topic)
            channel.session.end_channel(channel, Act.ERROR, {"reason": "unavailable"})
        else:
            if channel.turn == turn and channel.state is not State.ENDED:
                await self.resume(channel, position)

    async def resume(self, channel: Channel, position: int, page: Page | None = None) -> None:
        """Send what lies past ``position``, then let the channel be live; on failure it is to rejoin."""
        assert channel.live is not None
        if channel.live.sequencer is None:
            channel.live.attach(channel, 0)
            return
        try:
            await recovery.catch_up(channel, position, page)
        except Exception as error:
            if not isinstance(error, ParleyError):
                logger.exception("recovery_failed", topic=channel.topic)
            channel.session.end_channel(channel, Act.ERROR, socket_error(error))

    async def load_heads(self, streams: list[str]) -> None:
        """Read where followed streams stand, and tell those that were not told yet."""
        for handler in {find(stream)[0] for stream in streams}:
            for one in await run_in_thread(handler.heads, streams):
                self._hub.follows.move(one.stream, one.offset, one.data)

    # --- sessions ---------------------------------------------------------------------------

    def obey(self, order: Order) -> None:
        """Do what was ordered."""
        sessions = self._hub.sessions
        if order.act == "end_sign_in":
            sessions.ended(order.sid)
            for session in sessions.of_sign_in(order.sid):
                session.revoke(CloseCode(order.code))
        elif order.act == "end_user":
            sessions.ended(order.user_id)
            for session in sessions.of_user(order.user_id):
                session.revoke(CloseCode(order.code))
        elif order.act == "recheck":
            live = self._hub.topic(order.topic)
            for channel in list(live.channels) if live is not None else []:
                if order.user_id in ("", channel.user_id):
                    assert channel.live is not None
                    self.doubt(channel, channel.live.position_of(channel))

    def judge_soon(self, session: Session) -> None:
        """Judge a session again when the caches have surely heard what happened."""
        asyncio.get_running_loop().call_later(DOUBT_SECONDS, lambda: self._hub.spawn(self.judge([session])))

    async def judge(self, sessions: list[Session]) -> None:
        """End the sessions whose tokens are no longer good."""
        for session in sessions:
            if session.principal is None or session.is_closed:
                continue
            try:
                await authenticator.check(session.principal)
            except InvalidToken:
                session.revoke(CloseCode.TOKEN_REVOKED)
            except DatabaseFailure as error:
                # The database is away. It is asked again soon, and nothing new is let in meanwhile.
                logger.warning("sign_in_not_checked", error=type(error).__name__)
                return
