"""The wire shapes of people and devices."""

from __future__ import annotations

from typing import TypedDict

from accounts.models import User


class UserCard(TypedDict):
    """As much of a person as stands beside their message."""

    id: str
    display_name: str
    avatar: str


def user_card(user: User) -> UserCard:
    """The card of a person."""
    return {"id": str(user.pk), "display_name": user.display_name, "avatar": user.avatar}
