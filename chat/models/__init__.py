"""The tables of chat."""

from chat.models.messages import ChatMessage, MessageEdit
from chat.models.rooms import ChatRoom, Invite, Membership

__all__ = ["ChatMessage", "ChatRoom", "Invite", "Membership", "MessageEdit"]
