"""The tables of chat."""

from chat.models.messages import ChatMessage, MessageEdit
from chat.models.rooms import (
    ChatRoom,
    Invite,
    Membership,
    direct_room_id,
    membership_id,
    room_stream,
    user_stream,
)

__all__ = [
    "ChatMessage",
    "ChatRoom",
    "Invite",
    "Membership",
    "MessageEdit",
    "direct_room_id",
    "membership_id",
    "room_stream",
    "user_stream",
]
