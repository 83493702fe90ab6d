"""The wire shapes of rooms, members and messages, free of who looks at them.

What depends on the viewer stands in ``OwnRoomPayload`` and ``ConversationPayload`` alone, which go
only to that viewer. Rows are expected with the relations that are read here (``selectors`` fetch
them); nothing here asks the database.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict, cast

from accounts.payloads import UserCard, user_card
from chat.models import ChatMessage, ChatRoom, Invite, Membership
from core.clock import format_optional, format_time
from core.log.epoch import current_epoch

# Characters (code points) of a message that stand above the answer to it. Taken without any
# change, so that a client can do the same when the message is edited.
EXCERPT_LENGTH = 140


class ReplyPayload(TypedDict):
    """The message that is answered, in brief; ``excerpt`` is empty when it was recalled."""

    id: str
    sender_id: str | None
    sender_name: str
    excerpt: str


class ReactionPayload(TypedDict):
    """One emoji below a message."""

    emoji: str
    count: int
    user_ids: list[str]


class MessagePayload(TypedDict):
    """A message, the same on every transport. A recalled one keeps its place and is empty."""

    id: str
    room_id: str
    conversation_id: str
    seq: int
    offset: int
    sender_id: str | None
    sender: UserCard | None
    type: str
    content: str
    html: str
    client_id: str | None
    reply_to: ReplyPayload | None
    forwarded_from: dict[str, Any] | None
    attachments: list[Any]
    reactions: list[ReactionPayload]
    created_at: str
    edited_at: str | None
    deleted_at: str | None
    is_deleted: bool
    version: int


class MemberPayload(TypedDict):
    """A user in a room."""

    user: UserCard
    role: str


class RoomPayload(TypedDict):
    """A room as all its members see it. A direct room's ``name`` is null: it is the other person."""

    id: str
    kind: str
    name: str | None
    topic: str
    created_at: str
    last_message_at: str | None
    last_message: MessagePayload | None
    seq: int
    offset: int
    epoch: str
    members_count: int
    guests_may_send: bool
    members_may_invite: bool
    members_may_pin: bool
    is_frozen: bool


class OwnRoomPayload(RoomPayload):
    """A room with what it is to the person who asked; ``members`` (both) stand in direct rooms."""

    unread_count: int
    read_seq: int
    my_role: str | None
    members: NotRequired[list[MemberPayload]]


class ConversationPayload(TypedDict):
    """What is a member's own in a room."""

    id: str
    read_seq: int


class EditPayload(TypedDict):
    """One edit of a message; a recall is the edit to nothing."""

    old_content: str
    new_content: str
    edited_at: str
    edited_by: str | None


class InvitePayload(TypedDict):
    """An invitation to a room."""

    code: str
    room_id: str
    expires_at: str | None
    max_uses: int | None
    uses: int


def message_payload(message: ChatMessage) -> MessagePayload:
    """A message. Reads ``sender``, ``reply_to`` and its ``sender``."""
    room_id = str(message.room_id)
    return {
        "id": str(message.pk),
        "room_id": room_id,
        "conversation_id": room_id,
        "seq": message.seq,
        "offset": message.offset,
        "sender_id": _id(message.sender_id),
        "sender": user_card(message.sender) if message.sender is not None else None,
        "type": message.type,
        "content": message.content,
        "html": message.html,
        "client_id": message.client_id,
        "reply_to": reply_payload(message.reply_to) if message.reply_to is not None else None,
        "forwarded_from": None,
        "attachments": [],
        "reactions": [],
        "created_at": format_time(message.created_at),
        "edited_at": format_optional(message.edited_at),
        "deleted_at": format_optional(message.deleted_at),
        "is_deleted": message.deleted_at is not None,
        "version": message.version,
    }


def reply_payload(message: ChatMessage) -> ReplyPayload:
    """The message above an answer. Reads ``sender``."""
    return {
        "id": str(message.pk),
        "sender_id": _id(message.sender_id),
        "sender_name": message.sender.display_name if message.sender is not None else "",
        "excerpt": message.content[:EXCERPT_LENGTH],
    }


def member_payload(membership: Membership) -> MemberPayload:
    """A member. Reads ``user``."""
    return {"user": user_card(membership.user), "role": membership.role}


def room_payload(room: ChatRoom) -> RoomPayload:
    """A room. Reads ``last_message`` and what that reads."""
    return {
        "id": str(room.pk),
        "kind": room.kind,
        "name": None if room.kind == ChatRoom.Kind.DIRECT else room.name,
        "topic": room.topic,
        "created_at": format_time(room.created_at),
        "last_message_at": format_optional(room.last_message_at),
        "last_message": message_payload(room.last_message) if room.last_message is not None else None,
        "seq": room.seq,
        "offset": room.offset,
        "epoch": current_epoch(),
        "members_count": room.members_count,
        "guests_may_send": room.guests_may_send,
        "members_may_invite": room.members_may_invite,
        "members_may_pin": room.members_may_pin,
        "is_frozen": room.is_frozen,
    }


def own_room_payload(
    room: ChatRoom, membership: Membership | None, members: list[MemberPayload] | None = None
) -> OwnRoomPayload:
    """A room as ``membership``'s user sees it, None being somebody who is not in it."""
    payload: dict[str, Any] = {
        **room_payload(room),
        "unread_count": unread_count(room.seq, membership),
        "read_seq": membership.read_seq if membership is not None else room.seq,
        "my_role": membership.role if membership is not None else None,
    }
    if members is not None:
        payload["members"] = members
    return cast("OwnRoomPayload", payload)


def unread_count(seq: int, membership: Membership | None) -> int:
    """Messages past the read position. One's own are never among them: sending moves the position."""
    return 0 if membership is None else max(0, seq - membership.read_seq)


def conversation_payload(membership: Membership) -> ConversationPayload:
    """What is a member's own."""
    return {"id": str(membership.room_id), "read_seq": membership.read_seq}


def invite_payload(invite: Invite) -> InvitePayload:
    """An invitation."""
    return {
        "code": invite.code,
        "room_id": str(invite.room_id),
        "expires_at": format_optional(invite.expires_at),
        "max_uses": invite.max_uses,
        "uses": invite.uses,
    }


def _id(value: object) -> str | None:
    return None if value is None else str(value)
