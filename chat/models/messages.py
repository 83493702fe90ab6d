"""Messages and the trace that an edit leaves."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from core import clock, ids


class ChatMessage(models.Model):
    """What a person wrote. A recalled one keeps its row and its place and loses its content."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    room = models.ForeignKey("chat.ChatRoom", on_delete=models.CASCADE, related_name="messages", db_index=False)
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="messages", db_index=False
    )
    # Order of arrival here; unread counts are arithmetic on it.
    seq = models.BigIntegerField()
    # The offset of the last change that touched this message.
    offset = models.BigIntegerField()
    # The timeline's order: (lamport, origin, id), the same on every installation.
    lamport = models.BigIntegerField()
    origin = models.CharField(max_length=12)

    type = models.CharField(max_length=24, default="text")
    content = models.TextField(blank=True)
    html = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    # NULL, not "": the unique constraint lets many messages go without one.
    client_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - see the line above
    reply_to = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replies")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    # Who edits or recalls answers with the whole message.
    LOCKED_WITH: ClassVar[tuple[str, ...]] = ("sender", "reply_to__sender")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["room", "seq"], name="message_seq_once"),
            models.UniqueConstraint(fields=["room", "sender", "client_id"], name="message_client_id_once"),
        )
        indexes = (
            models.Index(fields=["room", "lamport", "origin", "id"], name="message_timeline"),
            models.Index(fields=["sender", "-created_at"], name="message_sender"),
            models.Index(fields=["room", "created_at", "sender"], name="message_room_time"),
        )

    def __str__(self) -> str:
        return f"message {self.id}"


class MessageEdit(models.Model):
    """What an edit replaced."""

    message = models.ForeignKey(ChatMessage, on_delete=models.CASCADE, related_name="edits")
    version = models.PositiveIntegerField()
    old_content = models.TextField()
    new_content = models.TextField()
    edited_at = models.DateTimeField(default=clock.now)
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["message", "version"], name="edit_version_once"),)

    def __str__(self) -> str:
        return f"edit {self.version} of {self.message_id}"
