"""The wire shapes of people and devices."""

from __future__ import annotations

from typing import Any, TypedDict

from accounts.models import Partner, SignIn, User
from core.clock import format_optional, format_time

# Where an account comes from; the inbox's contacts have the names of their platforms.
PLATFORM = "parley"


class UserCard(TypedDict):
    """As much of a person as stands beside their message."""

    id: str
    display_name: str
    avatar: str


class Account(UserCard):
    """Who has just signed in."""

    username: str
    role: str


class UserPayload(Account):
    """A person as others see them, with the ten documented keys (counts are of other platforms)."""

    user_id: str
    name: str
    signature: str
    follower_count: int | None
    following_count: int | None
    video_count: int | None
    is_verified: bool
    is_friend: bool
    platform: str


class Profile(Account):
    """A person as they see themselves."""

    signature: str
    locale: str
    timezone: str
    privacy: dict[str, Any]
    partner_state: str | None
    created_at: str


class DevicePayload(TypedDict):
    """A sign-in, as its owner sees it."""

    id: str
    name: str
    user_agent: str
    created_at: str
    last_seen_at: str
    ended_at: str | None


def user_card(user: User) -> UserCard:
    """The card of a person."""
    return {"id": str(user.pk), "display_name": user.display_name, "avatar": user.avatar}


def account_payload(user: User) -> Account:
    """What a sign-in answers of the person."""
    return {**user_card(user), "username": user.username, "role": user.role}


def user_payload(user: User, *, is_friend: bool) -> UserPayload:
    """A person for one viewer; ``user`` comes with its partner (``select_related``)."""
    return {
        **account_payload(user),
        "user_id": str(user.pk),
        "name": user.display_name,
        "signature": user.signature,
        "follower_count": None,
        "following_count": None,
        "video_count": None,
        "is_verified": partner_state(user) == Partner.State.ACTIVE,
        "is_friend": is_friend,
        "platform": PLATFORM,
    }


def profile_payload(user: User) -> Profile:
    """One's own profile; ``user`` comes with its partner (``select_related``)."""
    return {
        **account_payload(user),
        "signature": user.signature,
        "locale": user.locale,
        "timezone": user.timezone,
        "privacy": user.privacy,
        "partner_state": partner_state(user),
        "created_at": format_time(user.created_at),
    }


def partner_state(user: User) -> str | None:
    """The standing as a partner, None for whoever is none."""
    partner: Partner | None = getattr(user, "partner", None)
    return None if partner is None else partner.state


def device_payload(sign_in: SignIn) -> DevicePayload:
    """The device of a sign-in."""
    return {
        "id": str(sign_in.pk),
        "name": sign_in.device_name,
        "user_agent": sign_in.user_agent,
        "created_at": format_time(sign_in.created_at),
        "last_seen_at": format_time(sign_in.last_seen_at),
        "ended_at": format_optional(sign_in.ended_at),
    }
