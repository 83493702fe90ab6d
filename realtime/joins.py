"""Joining a topic and leaving it."""

from __future__ import annotations

import structlog
from django.conf import settings

from core.errors import (
    Forbidden,
    Invalid,
    InvalidToken,
    NotAuthenticated,
    NotFound,
    ParleyError,
    PayloadTooLarge,
    RateLimited,
    TooManyConnections,
    Unavailable,
    socket_error,
)
from realtime import join_config, limits, recovery, topics
from realtime.channel import Channel, State
from realtime.codec import FrameError, Message
from realtime.dialects import Act, Dialect, bare_topic
from realtime.recovery import Plan
from realtime.session import Session
from realtime.stats import stats

logger = structlog.get_logger(__name__)

# The names by which stock clients know why a join was refused; they stand before the sentence.
_STOCK_NAMES: tuple[tuple[type[ParleyError], str], ...] = (
    (InvalidToken, "InvalidJWTToken"),
    (NotAuthenticated, "Unauthorized"),
    (Forbidden, "Unauthorized"),
    (NotFound, "Unauthorized"),
    (RateLimited, "ClientJoinRateLimitReached"),
    (TooManyConnections, "ConnectionRateLimitReached"),
    (PayloadTooLarge, "PayloadTooLarge"),
    (Invalid, "InvalidJoinPayload"),
)
# What a JWT has; a token without is not even one.
_JWT_DOTS = 2


class _Refused(Invalid):
    """A join refused under a stock name of its own."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name


async def join(session: Session, message: Message, dialect: Dialect, size: int) -> None:
    """Handle a join; ``size`` is that of the frame in bytes."""
    wire_topic = message.topic or ""
    join_ref = message.ref if message.join_ref is None else message.join_ref
    if (old := session.channels.get(wire_topic)) is not None:
        session.end_channel(old, Act.CLOSE, {})
    channel = None
    try:
        _check(session, wire_topic)
        limits.check_payload(message, size)
        config = join_config.parse(message.payload)
        if config.access_token is not None:
            await _authenticate(session, config.access_token)
        handler, parameters = topics.find(bare_topic(wire_topic))
        channel = Channel(session, wire_topic, bare_topic(wire_topic), join_ref, dialect, handler, parameters, config)
        session.channels[wire_topic] = channel
        await _let_in(session, message, channel)
    except Exception as error:
        if channel is not None:
            session.forget_channel(channel)
        if not isinstance(error, ParleyError | FrameError):
            logger.exception("join_failed", topic=wire_topic)
        stats.limited += isinstance(error, RateLimited)
        session.reply(message, "error", refusal(error))


def _check(session: Session, wire_topic: str) -> None:
    if session.is_limited:
        session.hub.buckets.take("join", session.counted_as)
    if not bare_topic(wire_topic):
        raise _Refused("TopicNameRequired", "Name the topic to join.")
    if len(wire_topic.encode()) > settings.MAX_TOPIC_BYTES:
        raise Invalid(f"The name of a topic has at most {settings.MAX_TOPIC_BYTES} bytes.", attr="topic")
    if len(session.channels) >= settings.MAX_TOPICS_PER_SOCKET:
        raise _Refused("ChannelRateLimitReached", f"At most {settings.MAX_TOPICS_PER_SOCKET} topics on one connection.")


async def _authenticate(session: Session, token: str) -> None:
    try:
        await session.authenticate(token)
    except InvalidToken as error:
        if token.count(".") != _JWT_DOTS:
            raise _MalformedToken from error
        raise


class _MalformedToken(InvalidToken):
    default_detail = "access_token is not a token of ours."


async def _let_in(session: Session, message: Message, channel: Channel) -> None:
    """Authorize, find the place in the stream, answer, and let the channel be live, in this order.

    The channel is on its topic before it is judged, so that whoever takes the right away meanwhile
    finds it, and it is judged again.
    """
    live = session.hub.place(channel)
    await channel.handler.authorize(channel)
    _check_still_joining(channel)
    await session.hub.open(live)
    result = await channel.handler.join(channel, message.payload)
    plan = await recovery.plan(channel) if live.sequencer is not None else Plan({})
    while channel.doubtful:
        channel.doubtful = False
        await channel.handler.authorize(channel)
        result = await channel.handler.join(channel, message.payload)
    _check_still_joining(channel)
    # From here to where the channel is live nothing is awaited: what the reply says of the position is so.
    position = 0
    answer = {"postgres_changes": [], **result.response, **plan.answer}
    if live.sequencer is not None:
        position = live.sequencer.offset if plan.position is None else plan.position
        stands = max(position, live.sequencer.offset)
        answer["position"] = {"epoch": live.sequencer.epoch, "offset": stands}
    session.reply(message, "ok", answer, channel)
    session.hub.follows.follow(channel, result.follow)
    await session.hub.rights.resume(channel, position, plan.page)
    for extension in topics.extensions():
        try:
            await extension.on_join(channel, message.payload)
        except Exception:
            # The join was answered already; what it brings beside must not undo it.
            logger.exception("extension_failed", topic=channel.topic)


def _check_still_joining(channel: Channel) -> None:
    if channel.state is not State.JOINING:
        # Its socket is gone, or the log was replaced under it.
        raise Unavailable


def refusal(error: Exception) -> dict[str, object]:
    """The response of a refused join: the code of the list, and a reason as stock clients read it."""
    if isinstance(error, FrameError):
        error = Invalid(str(error))
    response = socket_error(error)
    if isinstance(error, _Refused):
        name = error.name
    elif isinstance(error, _MalformedToken):
        name = "MalformedJWT"
    else:
        name = next((name for kind, name in _STOCK_NAMES if isinstance(error, kind)), "UnknownErrorOnChannel")
    return {**response, "reason": f"{name}: {response['reason']}"}


def leave(session: Session, message: Message, channel: Channel | None) -> None:
    """Handle a leave: answered, then closed; of a topic that was not joined it is fine too."""
    session.reply(message, "ok", {}, channel)
    if channel is not None:
        session.end_channel(channel, Act.CLOSE, {})
