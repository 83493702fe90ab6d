"""Rooms, who is in them, and invitations."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models

from core import clock, ids
from core.log.models import StreamGuard


class ChatRoom(StreamGuard):
    """A place where messages are. Everything a poll needs stands in this one row."""

    class Kind(models.TextChoices):
        DIRECT = "direct"
        GROUP = "group"
        PUBLIC = "public"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=120, blank=True)
    # What the room is about, in a sentence.
    topic = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now)

    # Denormalized in the transaction of each change, under the row's lock.
    last_message_at = models.DateTimeField(null=True, blank=True)
    last_message = models.ForeignKey(
        "chat.ChatMessage", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    seq = models.BigIntegerField(default=0)
    lamport = models.BigIntegerField(default=0)
    members_count = models.PositiveIntegerField(default=0)

    guests_may_send = models.BooleanField(default=False)
    members_may_invite = models.BooleanField(default=True)
    members_may_pin = models.BooleanField(default=False)
    is_frozen = models.BooleanField(default=False)

    class Meta:
        indexes = (models.Index(fields=["kind", "name", "id"], name="room_directory"),)

    def __str__(self) -> str:
        return self.name or f"{self.kind} room {self.id}"

    @property
    def stream(self) -> str:
        """The key of this room's stream, which is also its topic."""
        return room_stream(self.id)


def room_stream(room_id: object) -> str:
    """The key of a room's stream, which is also its topic."""
    return f"room:{room_id}"


def user_stream(user_id: object) -> str:
    """The key of a user's own stream, which is also its topic."""
    return f"user:{user_id}"


def direct_room_id(one: object, other: object) -> UUID:
    """The id of the direct room of two people, the same from either side."""
    return ids.natural_id("direct", *sorted([str(one), str(other)]))


def membership_id(room_id: object, user_id: object) -> UUID:
    """The id of a user's membership, known before it exists: so it can be named in an act."""
    return ids.natural_id("membership", room_id, user_id)


class Membership(models.Model):
    """A user in a room, with what is the user's own there. Leaving deletes it."""

    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        MEMBER = "member"
        GUEST = "guest"

    # membership_id(room, user): two installations that add one person make one row.
    id = models.UUIDField(primary_key=True, editable=False)
    room = models.ForeignKey(ChatRoom, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.MEMBER)
    joined_at = models.DateTimeField(default=clock.now)
    # The seq up to which this user has read; unread is the room's seq less this.
    read_seq = models.BigIntegerField(default=0)

    # Who writes stands on every message, so the card comes with the lock.
    LOCKED_WITH: ClassVar[tuple[str, ...]] = ("user",)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["room", "user"], name="member_once"),)
        indexes = (models.Index(fields=["user", "room"], name="member_user"),)

    def __str__(self) -> str:
        return f"{self.user_id} in {self.room_id}: {self.role}"


class Invite(models.Model):
    """A link by which people join a room."""

    code = models.CharField(max_length=32, primary_key=True)
    room = models.ForeignKey(ChatRoom, on_delete=models.CASCADE, related_name="invites")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    max_uses = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"invite to {self.room_id}"
