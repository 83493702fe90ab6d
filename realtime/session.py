"""One client: who it is, what it has joined, and how it is answered, whatever carries its frames."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings

from core.errors import Forbidden, TooManyConnections
from realtime import authenticator, codec, topics
from realtime.authenticator import Principal
from realtime.channel import Channel, State
from realtime.close_codes import CloseCode
from realtime.codec import Message, Vsn
from realtime.dialects import PROTOCOL_EVENTS, SYSTEM, Act, Dialect
from realtime.frames import Encoded
from realtime.outbox import Outbox
from realtime.stats import stats

if TYPE_CHECKING:
    from realtime.hub import Hub

logger = structlog.get_logger(__name__)

# A client whose browser answers pings but whose page says nothing is given up after so many times
# the idle time: the timers of a hidden page may sleep for minutes.
_SILENT_TIMES = 3


class Session:
    """One client on one connection."""

    def __init__(
        self, hub: Hub, outbox: Outbox, *, vsn: Vsn, dialect: Dialect, address: str = "", limited: bool = True
    ) -> None:
        """``limited``: rates and numbers of connections are watched (not for loopback in the demo)."""
        self.hub = hub
        self.outbox = outbox
        self.vsn = vsn
        self.dialect = dialect
        self.address = address
        self.is_limited = limited
        self.principal: Principal | None = None
        self.channels: dict[str, Channel] = {}
        self.reads_user_broadcasts = False
        self.is_closed = False
        now = asyncio.get_running_loop().time()
        # By the loop's clock: the last frame, the last check of the sign-in.
        self.opened_at = self.heard_at = self.checked_at = now
        # When the client last answered a ping; who knows the connection says how to tell.
        self.last_pong: Callable[[], float] = lambda: 0.0
        hub.sessions.add(self)

    # --- who it is --------------------------------------------------------------------------

    @property
    def user_id(self) -> str | None:
        """The holder's id as text; None for a guest."""
        return None if self.principal is None else str(self.principal.user_id)

    @property
    def counted_as(self) -> str:
        """Whose limits it uses."""
        return self.user_id or f"address:{self.address}"

    async def authenticate(self, raw: str) -> None:
        """Let the session be the token's holder, or stay so with a new token. Raises InvalidToken,
        Forbidden for somebody else's, TooManyConnections."""
        principal = await authenticator.authenticate(raw)
        if self.principal is None:
            others = self.hub.sessions.of_user(str(principal.user_id))
            if self.is_limited and len(others) >= settings.MAX_SOCKETS_PER_USER:
                raise TooManyConnections
        elif self.principal.user_id != principal.user_id:
            raise Forbidden("This connection belongs to somebody else.")
        if self.hub.sessions.sign_in(self, principal):
            self.hub.rights.judge_soon(self)

    # --- answers ----------------------------------------------------------------------------

    def reply(self, message: Message, status: str, response: dict[str, Any], channel: Channel | None = None) -> None:
        """Answer a frame; silence where the client asked for none. Raises FrameError for what JSON
        cannot hold."""
        known = PROTOCOL_EVENTS.get(message.event)
        dialect = channel.dialect if channel is not None else known[1] if known is not None else self.dialect
        join_ref = channel.join_ref if channel is not None else message.join_ref
        payload = codec.dump({"status": status, "response": response})
        frame = codec.encode_text(self.vsn, join_ref, message.ref, message.topic, dialect[Act.REPLY], payload)
        self.outbox.send(Encoded(frame))

    def tell_system(self, text: str, channel: Channel | None = None) -> None:
        """Tell of something that is wrong, on a channel or on none."""
        payload = {
            "extension": SYSTEM,
            "status": "error",
            "message": text,
            "channel": channel.topic if channel is not None else "phoenix",
        }
        topic = channel.wire_topic if channel is not None else "phoenix"
        frame = codec.encode_text(self.vsn, None, None, topic, SYSTEM, codec.dump(payload))
        self.outbox.send(Encoded(frame))

    # --- channels ---------------------------------------------------------------------------

    def has_joined(self, topic: str) -> bool:
        """Whether a live channel of this client is on the topic."""
        return any(channel.topic == topic and channel.state is State.LIVE for channel in self.channels.values())

    def heads(self) -> dict[str, int]:
        """Up to where each durable topic was sent to this client."""
        return {
            channel.topic: channel.live.position_of(channel)
            for channel in self.channels.values()
            if channel.live is not None and channel.live.sequencer is not None and channel.state is not State.JOINING
        }

    def read_user_broadcasts(self) -> None:
        """The client has shown that it knows user broadcasts (kind 4)."""
        if not self.reads_user_broadcasts:
            self.reads_user_broadcasts = True
            for channel in self.channels.values():
                if channel.live is not None:
                    channel.live.regroup(channel)

    def forget_channel(self, channel: Channel) -> None:
        """Take a channel away without a word."""
        was_joined = channel.state not in (State.JOINING, State.ENDED)
        self.hub.leave(channel)
        if self.channels.get(channel.wire_topic) is channel:
            del self.channels[channel.wire_topic]
        if was_joined:
            self.hub.spawn(_leave(channel))

    def end_channel(self, channel: Channel, act: Act, payload: dict[str, Any]) -> None:
        """Close a channel for good (CLOSE), or have the client join anew (ERROR)."""
        if channel.state is not State.ENDED:
            self.forget_channel(channel)
            channel.say(act, payload)

    # --- the end ----------------------------------------------------------------------------

    def look_at_clock(self, now: float) -> None:
        """End what is over: the token's time, a client that fell silent, one that never said who it is."""
        if self.principal is not None and self.principal.exp <= time.time():
            for channel in self.channels.values():
                self.tell_system("The access token has expired.", channel)
            self.close(CloseCode.TOKEN_EXPIRED, "the access token has expired")
            return
        limit, silent = settings.SOCKET_IDLE_SECONDS, now - self.heard_at
        if silent > limit and (now - self.last_pong() > limit or silent > limit * _SILENT_TIMES):
            self.close(CloseCode.GOING_AWAY, "nothing was heard for too long")
        elif self.principal is None and not self.channels and now - self.opened_at > limit:
            self.close(CloseCode.GOING_AWAY, "nobody signed in")

    def revoke(self, code: CloseCode) -> None:
        """The holder may be here no longer."""
        if self.is_closed:
            return
        stats.revoked += 1
        reason = "you are banned" if code is CloseCode.BANNED else "the sign-in was ended"
        for channel in list(self.channels.values()):
            self.tell_system(f"This connection is closed: {reason}.", channel)
            self.end_channel(channel, Act.CLOSE, {})
        self.close(code, reason)

    def leave_server(self) -> None:
        """This server stops: the client finds another, or this one again."""
        self.close(CloseCode.RESTARTING, "the server restarts")

    def refuse_frame(self, reason: str) -> None:
        """What came is no frame: nothing that follows can be trusted either."""
        stats.broken_frames += 1
        self.tell_system(f"This is not a frame of the protocol: {reason}.")
        self.close(CloseCode.PROTOCOL_ERROR, reason)

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the connection; what was said before goes out first."""
        if not self.is_closed:
            logger.info("socket_ended", code=int(code), reason=reason)
            self.outbox.close(code, reason)
            self.closed()

    def closed(self) -> None:
        """The connection is gone, or as good as gone."""
        if not self.is_closed:
            self.is_closed = True
            self.outbox.closed = True
            for channel in list(self.channels.values()):
                self.forget_channel(channel)
            self.hub.sessions.remove(self)


async def _leave(channel: Channel) -> None:
    await channel.handler.leave(channel)
    for extension in topics.extensions():
        await extension.on_leave(channel)
