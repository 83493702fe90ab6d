"""What happens on ``room:<id>`` and ``user:<id>``: the socket's door to the same services as REST."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from chat import permissions
from chat.models import ChatRoom, Membership, room_stream
from chat.selectors.rooms import get_membership
from chat.services import messages, reads
from core.cache import run_in_thread
from core.errors import Forbidden, Invalid, NotAuthenticated, NotFound
from core.log.announce import Committed
from realtime.channel import Channel
from realtime.topics import Effects, Followed, JoinResult, Payload, TopicHandler, register_topic

MAX_NUMBER = 2**63 - 1


@register_topic
class RoomTopic(TopicHandler):
    """A room, for its members: its changes, and what they do in it."""

    pattern = "room:{room_id}"
    durable = True
    pushes = {
        "message:send": "send",
        "message:edit": "edit",
        "message:recall": "recall",
        "read": "read",
        "ack": "ack",
        "typing": "typing",
    }
    # The content of a message is judged by itself, once it is decoded.
    measured = frozenset({"message:send", "message:edit"})
    watched = frozenset({"member:left"})

    def parameters(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The room's id. Raises NotFound for what is none."""
        return {"room_id": _id(names["room_id"])}

    async def authorize(self, channel: Channel) -> None:
        """Members only. Asked of the database: a cached answer could outlive the membership."""
        await run_in_thread(_check_member, channel.parameters["room_id"], _caller(channel))

    def effects(self, parameters: Mapping[str, Any], event: str, payload: Payload) -> Effects:
        """Who left gets nothing more."""
        return Effects(recheck=[payload["member"]["user"]["id"]])

    def head(self, commit: Committed) -> Payload:
        """The room, and its newest message's number where the change tells it."""
        data = {"room_id": commit.stream.removeprefix("room:")}
        return {**data, "seq": commit.payload["message"]["seq"]} if commit.event == "message:created" else data

    def heads(self, streams: Collection[str]) -> list[Followed]:
        """Where these rooms stand."""
        ids = [stream.removeprefix("room:") for stream in streams]
        rooms = ChatRoom.objects.filter(pk__in=ids).values_list("pk", "offset", "seq")
        return [_followed(*room) for room in rooms]

    async def send(self, channel: Channel, payload: Payload) -> Payload:
        """``{content, client_id?, type?, reply_to?, metadata?}`` → ``{message}``."""
        reply_to = _maybe_text(payload, "reply_to")
        result = await messages.asend_message(
            sender_id=_caller(channel),
            room_id=channel.parameters["room_id"],
            content=_text(payload, "content"),
            client_id=_maybe_text(payload, "client_id"),
            message_type=_maybe_text(payload, "type") or "text",
            reply_to=None if reply_to is None else _uuid(reply_to, "reply_to"),
            metadata=_object(payload, "metadata"),
        )
        return {"message": result.message}

    async def edit(self, channel: Channel, payload: Payload) -> Payload:
        """``{message_id, content, version?}`` → ``{message}``."""
        message = await messages.aedit_message(
            actor_id=_caller(channel),
            message_id=_uuid(_text(payload, "message_id"), "message_id"),
            content=_text(payload, "content"),
            version=_number(payload, "version", optional=True),
        )
        return {"message": message}

    async def recall(self, channel: Channel, payload: Payload) -> Payload:
        """``{message_id, reason?}`` → ``{message}``."""
        message = await messages.arecall_message(
            actor_id=_caller(channel),
            message_id=_uuid(_text(payload, "message_id"), "message_id"),
            reason=_maybe_text(payload, "reason") or "",
        )
        return {"message": message}

    async def read(self, channel: Channel, payload: Payload) -> Payload:
        """``{seq?}`` → where the reader stands."""
        seq = _number(payload, "seq", optional=True)
        room_id = channel.parameters["room_id"]
        return {**await reads.amark_read(user_id=_caller(channel), room_id=room_id, seq=seq)}

    async def ack(self, channel: Channel, payload: Payload) -> Payload:
        """``{offset}``: the client has everything up to there."""
        _number(payload, "offset")
        return {}

    async def typing(self, channel: Channel, payload: Payload) -> Payload:
        """``{on}``: told to the others, kept nowhere."""
        on = payload.get("on", True)
        if not isinstance(on, bool):
            raise Invalid("on must be true or false.", attr="on")
        channel.broadcast("typing", {"user_id": channel.user_id, "on": on})
        return {}


@register_topic
class UserTopic(TopicHandler):
    """What only one person sees, and the heads of all their rooms."""

    pattern = "user:{user_id}"
    durable = True
    watched = frozenset({"room:added", "room:removed", "room:deleted"})

    def parameters(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The person's id. Raises NotFound for what is none."""
        return {"user_id": _id(names["user_id"])}

    async def authorize(self, channel: Channel) -> None:
        """Only that person."""
        if _caller(channel) != channel.parameters["user_id"]:
            raise Forbidden("This topic is somebody else's.")

    async def join(self, channel: Channel, payload: Payload) -> JoinResult:
        """Follow all rooms of the person."""
        return JoinResult(follow=await run_in_thread(_rooms_of, _caller(channel)))

    def effects(self, parameters: Mapping[str, Any], event: str, payload: Payload) -> Effects:
        """A room that comes is followed, one that goes is not."""
        streams = [room_stream(payload["room_id"])]
        return Effects(follow=streams) if event == "room:added" else Effects(unfollow=streams)


def _caller(channel: Channel) -> UUID:
    if channel.principal is None:
        raise NotAuthenticated("Sign in first: send access_token in the join.")
    return channel.principal.user_id


def _check_member(room_id: UUID, user_id: UUID) -> None:
    room = ChatRoom.objects.only("id", "kind").filter(pk=room_id).first()
    permissions.check_may_read(room, get_membership(room_id, user_id))


def _rooms_of(user_id: UUID) -> list[Followed]:
    rooms = Membership.objects.filter(user=user_id).values_list("room_id", "room__offset", "room__seq")
    return [_followed(*room) for room in rooms]


def _followed(room_id: UUID, offset: int, seq: int) -> Followed:
    return Followed(room_stream(room_id), offset, {"room_id": str(room_id), "seq": seq})


def _id(text: str) -> UUID:
    """An id in its one form, so that a topic has one name. Raises NotFound."""
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text:
        raise NotFound("There is no such topic.")
    return found


def _text(payload: Payload, name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str):
        raise Invalid(f"{name} must be text.", attr=name)
    return value


def _maybe_text(payload: Payload, name: str) -> str | None:
    return None if payload.get(name) is None else _text(payload, name)


def _uuid(text: str, name: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(f"{name} must be an id.", attr=name) from error


def _number(payload: Payload, name: str, *, optional: bool = False) -> int | None:
    value = payload.get(name)
    if value is None and optional:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
        raise Invalid(f"{name} must be a whole number.", attr=name)
    return value


def _object(payload: Payload, name: str) -> dict[str, Any] | None:
    value = payload.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise Invalid(f"{name} must be an object.", attr=name)
