"""What the doors of chat take in: types are not converted, and what is unknown is refused by the services."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from chat.models import ChatRoom, Membership
from chat.services.invites import MAX_EXPIRES_IN, MAX_USES
from chat.services.rooms import MAX_MEMBERS_AT_ONCE
from core.paging import MAX_LIMIT, PageQuery

# Longer than anything that is let in, so that the clear error is the service's.
MAX_TEXT = 2_000
MAX_EPOCH = 12
# What a column of 64 bits holds.
MAX_NUMBER = 2**63 - 1


class Text(serializers.CharField):
    """Text, and nothing that could be read as text."""

    def to_internal_value(self, data: Any) -> str:
        """The text as it was typed. Raises ValidationError for a number, a list and so on."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Number(serializers.IntegerField):
    """A whole number of JSON."""

    def to_internal_value(self, data: Any) -> int:
        """The number. Raises ValidationError for text, true and 1.5."""
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: Any) -> bool:
        """The value. Raises ValidationError for 1, "yes" and so on."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Id(serializers.UUIDField):
    """An id, as text."""

    def to_internal_value(self, data: Any) -> Any:
        """The id. Raises ValidationError; the library takes integers too."""
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class Reason(serializers.Serializer[Any]):
    """Why: for the audit, where only the caller's role on the site allows the act."""

    reason = Text(max_length=MAX_TEXT, required=False, allow_blank=True, default="")


class RoomsQuery(PageQuery):
    """Query of GET rooms."""

    kind = serializers.ChoiceField(
        choices=["public"], required=False, help_text="`public`: the directory instead of your own rooms."
    )
    search = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class NewRoom(serializers.Serializer[Any]):
    """Body of POST rooms."""

    kind = serializers.ChoiceField(choices=ChatRoom.Kind.choices)
    name = Text(max_length=MAX_TEXT, required=False, allow_blank=True, default="")
    topic = Text(max_length=MAX_TEXT, required=False, allow_blank=True, default="")
    member_ids = serializers.ListField(child=Id(), max_length=MAX_MEMBERS_AT_ONCE, required=False, default=list)


class RoomChange(Reason):
    """Body of PATCH rooms/{id}."""

    name = Text(max_length=MAX_TEXT, required=False, allow_blank=True)
    topic = Text(max_length=MAX_TEXT, required=False, allow_blank=True)
    guests_may_send = Flag(required=False)
    members_may_invite = Flag(required=False)
    members_may_pin = Flag(required=False)
    is_frozen = Flag(required=False)


class MessagesQuery(serializers.Serializer[Any]):
    """Query of GET rooms/{id}/messages; at most one of the three ids."""

    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=50)
    before = serializers.UUIDField(required=False, help_text="A message: the newest that precede it.")
    after = serializers.UUIDField(required=False, help_text="A message: the oldest that follow it.")
    around = serializers.UUIDField(required=False, help_text="A message: it, and those on both sides.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError for more than one place."""
        if len(attrs.keys() & {"before", "after", "around"}) > 1:
            raise serializers.ValidationError("Give one of before, after and around.")
        return attrs


class NewMessage(serializers.Serializer[Any]):
    """Body of POST rooms/{id}/messages."""

    content = Text(trim_whitespace=False, allow_blank=True)
    client_id = Text(
        max_length=MAX_TEXT,
        required=False,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Your own id of this message: sent again, it is answered with the first message.",
    )
    type = Text(max_length=MAX_TEXT, required=False, default="text")
    reply_to = Id(required=False, allow_null=True)
    attachments = serializers.ListField(child=Id(), required=False, max_length=0, help_text="Not yet: keep it empty.")
    metadata = serializers.DictField(required=False, allow_null=True)


class MessageChange(serializers.Serializer[Any]):
    """Body of PUT messages/{id}."""

    content = Text(trim_whitespace=False, allow_blank=True)
    version = Number(min_value=1, max_value=MAX_NUMBER, required=False, allow_null=True)


class ChangesQuery(serializers.Serializer[Any]):
    """Query of the change log."""

    after = serializers.IntegerField(min_value=0, max_value=MAX_NUMBER, default=0)
    epoch = serializers.CharField(max_length=MAX_EPOCH, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=50)


class NewMembers(Reason):
    """Body of POST rooms/{id}/members."""

    user_ids = serializers.ListField(child=Id(), max_length=MAX_MEMBERS_AT_ONCE, allow_empty=False)
    role = serializers.ChoiceField(
        choices=[Membership.Role.ADMIN, Membership.Role.MEMBER, Membership.Role.GUEST], default=Membership.Role.MEMBER
    )


class NewRole(Reason):
    """Body of PATCH rooms/{id}/members/{user}; ``owner`` hands the room over."""

    role = serializers.ChoiceField(choices=Membership.Role.choices)


class NewInvite(Reason):
    """Body of POST rooms/{id}/invites."""

    expires_in = Number(min_value=1, max_value=MAX_EXPIRES_IN, required=False, allow_null=True, help_text="Seconds.")
    max_uses = Number(min_value=1, max_value=MAX_USES, required=False, allow_null=True)


class ReadPosition(serializers.Serializer[Any]):
    """Body of POST rooms/{id}/read."""

    seq = Number(min_value=0, max_value=MAX_NUMBER, required=False, allow_null=True)


class MarkRead(ReadPosition):
    """Body of PATCH messages/mark-read."""

    conversation_id = Id()
