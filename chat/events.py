"""What a change in chat says on the wire, and how it is read back from the log.

Events of a room's stream are seen by all its members; those of a user's stream by that user alone.
A change names its objects; ``hydrate`` shows them as they are now, in one query for each kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accounts.models import User
from accounts.payloads import UserCard, user_card
from chat.models import ChatMessage, ChatRoom, Membership
from chat.payloads import (
    ConversationPayload,
    MemberPayload,
    MessagePayload,
    RoomPayload,
    conversation_payload,
    message_payload,
    room_payload,
)
from core.log.bykey import ByKey
from core.log.events import Event, Payload, register_event
from core.log.models import Change

# What ``message_payload`` reads besides the message.
MESSAGE_RELATIONS = ("sender", "reply_to__sender")
ROOM_RELATIONS = ("last_message__sender", "last_message__reply_to__sender")
# Messages and rooms by id, with all that their payloads read.
MESSAGES = ByKey(ChatMessage, lambda: ChatMessage.objects.select_related(*MESSAGE_RELATIONS))
ROOMS = ByKey(ChatRoom, lambda: ChatRoom.objects.select_related(*ROOM_RELATIONS))
_PEOPLE = ByKey(User, lambda: User.objects.only("id", "display_name", "avatar"))


@dataclass(frozen=True)
class _MessageEvent(Event):
    message: MessagePayload

    def object_ids(self) -> dict[str, str]:
        """The message."""
        return {"message": self.message["id"]}

    def payload(self) -> Payload:
        """The message, whole."""
        return {"message": self.message}

    @classmethod
    def hydrate(cls, changes: Sequence[Change]) -> list[Payload | None]:
        """The messages as they are now: recalled ones without their content."""
        wanted = [change.object_ids["message"] for change in changes]
        found = {str(pk): message_payload(message) for pk, message in MESSAGES(set(wanted)).items()}
        return [{"message": found[key]} if key in found else None for key in wanted]


@register_event("message:created")
@dataclass(frozen=True)
class MessageCreated(_MessageEvent):
    """Somebody wrote."""


@register_event("message:edited")
@dataclass(frozen=True)
class MessageEdited(_MessageEvent):
    """The sender changed what they wrote."""


@register_event("message:recalled")
@dataclass(frozen=True)
class MessageRecalled(_MessageEvent):
    """A message lost its content."""


@dataclass(frozen=True)
class _MemberEvent(Event):
    member: MemberPayload

    def object_ids(self) -> dict[str, str]:
        """The user."""
        return {"user": self.member["user"]["id"]}

    def data(self) -> Payload:
        """The role of then: the membership may be gone when the change is read."""
        return {"role": self.member["role"]}

    def payload(self) -> Payload:
        """The member."""
        return {"member": self.member}

    @classmethod
    def hydrate(cls, changes: Sequence[Change]) -> list[Payload | None]:
        """The people as they are now, with the role of then (a later one has a change of its own). No
        change is left out, so that counting members stays exact."""
        cards = _cards(change.object_ids["user"] for change in changes)
        return [
            {"member": {"user": cards.get(user_id) or _erased(user_id), "role": change.data["role"]}}
            for change, user_id in ((change, change.object_ids["user"]) for change in changes)
        ]


@register_event("member:joined")
@dataclass(frozen=True)
class MemberJoined(_MemberEvent):
    """Somebody is in the room from now on."""


@register_event("member:changed")
@dataclass(frozen=True)
class MemberChanged(_MemberEvent):
    """A member has another role."""


@register_event("member:left")
@dataclass(frozen=True)
class MemberLeft(_MemberEvent):
    """Somebody left or was removed; ``role`` is what they were."""


@register_event("room:changed")
@dataclass(frozen=True)
class RoomChanged(Event):
    """Name, topic or settings of a room are others."""

    room: RoomPayload

    def object_ids(self) -> dict[str, str]:
        """The room."""
        return {"room": self.room["id"]}

    def payload(self) -> Payload:
        """The room, whole, without what is a viewer's own."""
        return {"room": self.room}

    @classmethod
    def hydrate(cls, changes: Sequence[Change]) -> list[Payload | None]:
        """The rooms as they are now."""
        wanted = [change.object_ids["room"] for change in changes]
        found = {str(pk): room_payload(room) for pk, room in ROOMS(set(wanted)).items()}
        return [{"room": found[key]} if key in found else None for key in wanted]


@dataclass(frozen=True)
class _OwnRoomEvent(Event):
    """On a user's own stream: only the id, since what the room is to them is asked by GET."""

    room_id: str

    def object_ids(self) -> dict[str, str]:
        """The room."""
        return {"room": self.room_id}

    def payload(self) -> Payload:
        """The room's id, and what the log keeps beside it."""
        return {"room_id": self.room_id, **self.data()}

    @classmethod
    def hydrate(cls, changes: Sequence[Change]) -> list[Payload | None]:
        """From the log alone."""
        return [{"room_id": change.object_ids["room"], **change.data} for change in changes]


@register_event("room:added")
@dataclass(frozen=True)
class RoomAdded(_OwnRoomEvent):
    """The user is in this room from now on."""


@register_event("room:removed")
@dataclass(frozen=True)
class RoomRemoved(_OwnRoomEvent):
    """The user is in this room no longer; ``reason`` is ``left`` or ``removed``."""

    reason: str

    def data(self) -> Payload:
        """Why."""
        return {"reason": self.reason}


@register_event("room:deleted")
@dataclass(frozen=True)
class RoomDeleted(_OwnRoomEvent):
    """The room is gone, for everyone."""


@register_event("conversation:changed")
@dataclass(frozen=True)
class ConversationChanged(Event):
    """What is the user's own in a room has changed: the read position."""

    conversation: ConversationPayload

    def object_ids(self) -> dict[str, str]:
        """The room."""
        return {"room": self.conversation["id"]}

    def payload(self) -> Payload:
        """The conversation."""
        return {"conversation": self.conversation}

    @classmethod
    def hydrate(cls, changes: Sequence[Change]) -> list[Payload | None]:
        """The conversations as they are now; left out where the user is no longer in the room."""
        keys = [(change.stream_id.removeprefix("user:"), change.object_ids["room"]) for change in changes]
        query = Membership.objects.filter(user__in={user for user, _ in keys}, room__in={room for _, room in keys})
        found = {(str(row.user_id), str(row.room_id)): conversation_payload(row) for row in query}
        return [{"conversation": found[key]} if key in found else None for key in keys]


def _cards(user_ids: Iterable[str]) -> dict[str, UserCard]:
    return {str(pk): user_card(user) for pk, user in _PEOPLE(set(user_ids)).items()}


def _erased(user_id: str) -> UserCard:
    # Of somebody whose account is gone only the id is left.
    return {"id": user_id, "display_name": "", "avatar": ""}
