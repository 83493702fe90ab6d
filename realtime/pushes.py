"""What a client says once it is connected: strictly in its order, each answered by its own rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from core.errors import (
    Invalid,
    InvalidToken,
    NotFound,
    ParleyError,
    PayloadTooLarge,
    RateLimited,
    ReservedEvent,
    socket_error,
)
from core.log.events import registered_events
from realtime import codec, joins, limits, topics
from realtime.channel import Channel
from realtime.codec import FrameError, Kind, Message
from realtime.dialects import ACCESS_TOKEN, BROADCAST, HEAD, HEARTBEAT, HEARTBEAT_TOPICS, PROTOCOL_EVENTS, Act
from realtime.frames import Frame, broadcast_payload
from realtime.session import Session
from realtime.stats import stats

logger = structlog.get_logger(__name__)

# Events of ours that no change of the log has.
EPHEMERAL_EVENTS = frozenset({"typing", "receipt", HEAD})
_PREFIXES_OF_OURS = ("presence:", "metadata:")

UNMATCHED_TOPIC = {"code": NotFound.default_code, "reason": "unmatched topic"}


async def receive(session: Session, data: str | bytes) -> None:
    """Handle one frame of a client. Never raises."""
    stats.frames_in += 1
    session.heard_at = session.hub.time()
    try:
        if isinstance(data, str):
            message = codec.decode_text(session.vsn, data)
        elif session.vsn is codec.Vsn.ARRAYS:
            message = codec.decode_binary(data)
        else:
            raise FrameError("binary frames need vsn=2.0.0")
    except FrameError as error:
        session.refuse_frame(str(error))
        return
    try:
        await _handle(session, message, len(data))
    except Exception:
        # Every known way of failing was answered already; the socket outlives our mistakes.
        logger.exception("frame_failed", topic=message.topic, event_name=message.event)
        session.reply(message, "error", socket_error(RuntimeError()))


async def _handle(session: Session, message: Message, size: int) -> None:
    if message.event == HEARTBEAT and message.topic in HEARTBEAT_TOPICS:
        session.reply(message, "ok", {"heads": session.heads()})
        return
    act, dialect = PROTOCOL_EVENTS.get(message.event, (None, session.dialect))
    if act is Act.JOIN:
        await joins.join(session, message, dialect, size)
        return
    channel = session.channels.get(message.topic or "")
    if channel is not None and message.join_ref is not None and not _same(message.join_ref, channel.join_ref):
        return  # said to a join that is over
    if act is Act.LEAVE:
        joins.leave(session, message, channel)
    elif channel is None:
        session.reply(message, "error", UNMATCHED_TOPIC)
    else:
        await _push(session, channel, message, size)


def _same(one: codec.Ref, other: codec.Ref) -> bool:
    return one == other and type(one) is type(other)


async def _push(session: Session, channel: Channel, message: Message, size: int) -> None:
    """A push on a joined topic: answered with what its handler says, or with why not."""
    try:
        if session.is_limited:
            session.hub.buckets.take("push", session.counted_as)
        if message.event not in channel.handler.measured:
            limits.check_payload(message, size)
        response = await _handler_of(channel, message)(session, channel, message)
    except Exception as error:
        stats.limited += isinstance(error, RateLimited)
        if message.ref is not None:
            session.reply(message, "error", _refusal(channel, message, error), channel)
        elif not isinstance(error, ParleyError | FrameError):
            logger.exception("push_failed", topic=channel.topic, event_name=message.event)
        return
    if response is not None and message.ref is not None:
        session.reply(message, "ok", response, channel)


Handle = Callable[[Session, Channel, Message], Awaitable[dict[str, Any] | None]]


def _handler_of(channel: Channel, message: Message) -> Handle:
    if message.event in _OWN:
        return _OWN[message.event]
    if message.event in channel.handler.pushes:
        return _push_to_handler
    if any(message.event in extension.events for extension in topics.extensions()):
        return _push_to_extension
    if message.kind is Kind.PUSH and topics.is_open(channel.handler) and not topics.is_control_event(message.event):
        return _broadcast_raw
    raise Invalid(f"This topic does not know the event {message.event[:80]!r}.")


def _refusal(channel: Channel, message: Message, error: Exception) -> dict[str, Any]:
    if isinstance(error, FrameError):
        error = Invalid(str(error))
    elif not isinstance(error, ParleyError):
        logger.error("push_failed", topic=channel.topic, event_name=message.event, exc_info=error)
    response = socket_error(error)
    if message.event == BROADCAST and isinstance(error, PayloadTooLarge):
        # Stock clients look for this very word.
        response["reason"] = "payload_size_exceeded"
    return response


def _object(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise Invalid("The payload must be an object.")
    return payload


async def _push_to_handler(session: Session, channel: Channel, message: Message) -> dict[str, Any]:
    method = getattr(channel.handler, channel.handler.pushes[message.event])
    return await method(channel, _object(message.payload))  # type: ignore[no-any-return]  # handlers are typed so


async def _push_to_extension(session: Session, channel: Channel, message: Message) -> dict[str, Any]:
    for extension in topics.extensions():
        if message.event in extension.events:
            return await extension.on_push(channel, message.event, _object(message.payload))
    raise AssertionError("looked for above")


async def _access_token(session: Session, channel: Channel, message: Message) -> None:
    """A new token: no answer when it is good; the channel is closed when it is not."""
    token = _object(message.payload).get("access_token")
    try:
        if not isinstance(token, str):
            raise InvalidToken
        await session.authenticate(token)
    except ParleyError as error:
        session.tell_system(str(error.detail), channel)
        session.end_channel(channel, Act.CLOSE, {})


async def _broadcast(session: Session, channel: Channel, message: Message) -> dict[str, Any] | None:
    """A broadcast, as text or as a user push; answered only where the join asked for it."""
    if message.kind is Kind.USER_PUSH:
        session.read_user_broadcasts()
    if message.kind is Kind.PUSH:
        return await _broadcast_raw(session, channel, message)
    content = _object(message.payload)
    event, payload = content.get("event"), content.get("payload")
    if not isinstance(event, str) or not event:
        raise Invalid("A broadcast names its event.", attr="event")
    if isinstance(payload, bytes):
        meta = codec.dump(message.meta).decode() if message.meta else ""
        return _spread(channel, _binary_frame(channel, event, payload, meta), event)
    if payload is not None and not isinstance(payload, dict):
        raise Invalid("The payload of a broadcast must be an object.", attr="payload")
    meta_value = message.meta if message.meta is not None else content.get("meta")
    body = broadcast_payload(event, payload, meta_value if isinstance(meta_value, dict) else None)
    return _spread(channel, Frame.of(channel.topic, BROADCAST, body), event)


async def _broadcast_raw(session: Session, channel: Channel, message: Message) -> dict[str, Any] | None:
    """A binary push of stock phoenix: its event is the broadcast's."""
    return _spread(channel, _binary_frame(channel, message.event, message.payload, ""), message.event)


def _binary_frame(channel: Channel, event: str, data: bytes, meta: str) -> Frame:
    # A stock client gets the event of a binary broadcast as if the server had said it.
    if topics.is_control_event(event) and event != BROADCAST:
        raise ReservedEvent
    if max(len(event.encode()), len(meta.encode())) > codec.MAX_NAME_BYTES:
        raise Invalid(f"The event of a binary broadcast has at most {codec.MAX_NAME_BYTES} bytes.", attr="event")
    return Frame(channel.topic, event, data, is_binary=True, meta=meta)


def _spread(channel: Channel, frame: Frame, event: str) -> dict[str, Any] | None:
    if not topics.is_open(channel.handler) and is_reserved(event):
        raise ReservedEvent
    channel.handler.may_broadcast(channel, event)
    channel.session.hub.publish(frame, exclude=None if channel.config.echo else channel)
    return {} if channel.config.ack else None


def is_reserved(event: str) -> bool:
    """Whether only the server says an event of this name on the topics of an app."""
    return (
        event in registered_events()
        or event in EPHEMERAL_EVENTS
        or event.startswith(_PREFIXES_OF_OURS)
        or topics.is_control_event(event)
    )


_OWN: dict[str, Handle] = {ACCESS_TOKEN: _access_token, BROADCAST: _broadcast}
