"""What the doors of accounts take in, and what they answer."""

from __future__ import annotations

from typing import Any, TypedDict

from rest_framework import serializers

from accounts.payloads import Account, DevicePayload, UserPayload
from accounts.services.sign_ins import TokenPair
from core.errors import Invalid
from core.fields import Text
from core.paging import PageQuery

MAX_BATCH = 200
# Longer than anything that is let in, so that the clear error is the service's.
MAX_TEXT = 2_000


class SignedIn(TokenPair):
    """Tokens and whose they are; browsers get ``refresh`` as a cookie instead."""

    user: Account


class UserBatch(TypedDict):
    """The users that were found, and the ids that were not."""

    users: list[UserPayload]
    missing: list[str]


class OwnDevice(DevicePayload):
    """A device in the list of its owner; ``current`` is the one that asks."""

    current: bool


class Credentials(serializers.Serializer[Any]):
    """Body of a sign-in."""

    username = Text(max_length=MAX_TEXT)
    password = Text(max_length=MAX_TEXT, trim_whitespace=False)


class Registration(Credentials):
    """Body of a registration."""

    display_name = Text(max_length=MAX_TEXT, required=False, allow_blank=True)


class RefreshBody(serializers.Serializer[Any]):
    """Body of a refresh; browsers send the cookie instead."""

    refresh = Text(max_length=MAX_TEXT, required=False)


class LogoutBody(RefreshBody):
    """Body of a sign-out."""

    everywhere = serializers.BooleanField(default=False)


class ProfileChange(serializers.Serializer[Any]):
    """Body of PATCH users/me."""

    display_name = Text(max_length=MAX_TEXT, required=False)
    avatar = Text(max_length=MAX_TEXT, required=False, allow_blank=True)
    signature = Text(max_length=MAX_TEXT, required=False, allow_blank=True)
    locale = Text(max_length=MAX_TEXT, required=False)
    timezone = Text(max_length=MAX_TEXT, required=False)
    privacy = serializers.DictField(required=False)


class DeviceName(serializers.Serializer[Any]):
    """Body of POST users/me/devices."""

    name = Text(max_length=MAX_TEXT)


class UserSearch(PageQuery):
    """Query of GET users."""

    search = Text(max_length=100, required=False, allow_blank=True, default="")


class UserIds(serializers.Serializer[Any]):
    """Body of POST users/batch."""

    user_ids = serializers.ListField(child=Text(max_length=64), max_length=MAX_BATCH, allow_empty=False)


class UserIdsQuery(serializers.Serializer[Any]):
    """Query of GET users/batch: ids between commas."""

    user_ids = Text(max_length=MAX_BATCH * 40)

    def validate_user_ids(self, value: str) -> list[str]:
        """The ids. Raises Invalid past the number that POST takes."""
        ids = [part.strip() for part in value.split(",") if part.strip()]
        if len(ids) > MAX_BATCH:
            raise Invalid(f"Ask for at most {MAX_BATCH} people at a time.", attr="user_ids")
        return ids
