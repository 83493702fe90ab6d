"""Reads about people. What the token path needs is cached, and cleared by the services that change it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from rest_framework_simplejwt.settings import api_settings

from accounts.models import Partner, Role, SignIn, User, fold
from accounts.payloads import (
    DevicePayload,
    Profile,
    UserCard,
    UserPayload,
    device_payload,
    profile_payload,
    user_card,
    user_payload,
)
from core import cache, clock
from core.cache_keys import USER_PARTNER, USER_ROLE
from core.errors import NotFound

CARD_FIELDS = ("id", "display_name", "avatar")
# Which of these people the viewer is friends with; chat, which knows, registers it.
FriendsAmong = Callable[[UUID, Collection[UUID]], set[UUID]]
_friends_among: list[FriendsAmong] = []


def register_friends(friends_among: FriendsAmong) -> None:
    """Have ``friends_among(viewer, people)`` say who is a friend (``is_friend``), in one query."""
    if friends_among not in _friends_among:
        _friends_among.append(friends_among)


def get_role(user_id: UUID) -> str:
    """What this person is here (``Role``); of nobody it is an ordinary user's. Cached 30 min."""
    return cache.get_or_load(USER_ROLE.of(user_id=user_id), USER_ROLE, lambda: _load_role(user_id)).decode()


def get_partner_state(user_id: UUID) -> str | None:
    """The partner's standing (``Partner.State``), None for whoever is no partner. Cached 5 min."""
    state = cache.get_or_load(USER_PARTNER.of(user_id=user_id), USER_PARTNER, lambda: _load_partner_state(user_id))
    return state.decode() or None


def get_user_card(user_id: UUID) -> UserCard | None:
    """``{id, display_name, avatar}``, None when there is no such person."""
    return get_user_cards([user_id]).get(user_id)


def get_user_cards(user_ids: Iterable[UUID]) -> dict[UUID, UserCard]:
    """Cards by id, in one query; unknown ids are left out."""
    users = User.objects.filter(pk__in=set(user_ids)).only(*CARD_FIELDS)
    return {user.pk: user_card(user) for user in users}


def get_profile(*, user_id: UUID) -> Profile:
    """One's own profile. Raises NotFound."""
    user = User.objects.select_related("partner").filter(pk=user_id).first()
    if user is None:
        raise NotFound
    return profile_payload(user)


def get_user(*, user_id: UUID, viewer_id: UUID) -> UserPayload:
    """A person as the viewer sees them. Raises NotFound."""
    found = get_users(user_ids=[user_id], viewer_id=viewer_id)
    if not found:
        raise NotFound
    return found[0]


def get_users(*, user_ids: Collection[UUID], viewer_id: UUID) -> list[UserPayload]:
    """Those of these people who exist, in the order of the ids."""
    users = User.objects.select_related("partner").in_bulk(list(set(user_ids)))
    return _present([users[user_id] for user_id in dict.fromkeys(user_ids) if user_id in users], viewer_id)


def search_users(*, text: str, viewer_id: UUID, limit: int, after: str = "") -> tuple[list[UserPayload], str | None]:
    """People whose username or display name holds the text, by username, and the username after
    which the next page begins (None: there is none). The banned are left out."""
    query = User.objects.select_related("partner").filter(banned_at=None, username__gt=after)
    for word in fold(text).split():
        query = query.filter(search_name__contains=word)
    users = list(query.order_by("username")[: limit + 1])
    page = users[:limit]
    return _present(page, viewer_id), page[-1].username if len(users) > limit else None


def list_devices(*, user_id: UUID) -> list[DevicePayload]:
    """Where a person is signed in, the latest seen first. What could no longer be refreshed is left out."""
    oldest = clock.now() - api_settings.REFRESH_TOKEN_LIFETIME
    live = SignIn.objects.filter(user_id=user_id, ended_at=None, last_seen_at__gt=oldest)
    return [device_payload(sign_in) for sign_in in live.order_by("-last_seen_at", "-pk")]


def _present(users: Collection[User], viewer_id: UUID) -> list[UserPayload]:
    ids = [user.pk for user in users]
    friends: set[UUID] = set().union(*(among(viewer_id, ids) for among in _friends_among)) if ids else set()
    return [user_payload(user, is_friend=user.pk in friends) for user in users]


def _load_role(user_id: UUID) -> bytes:
    role = User.objects.filter(pk=user_id).values_list("role", flat=True).first()
    return (role or Role.USER.value).encode()


def _load_partner_state(user_id: UUID) -> bytes:
    state = Partner.objects.filter(pk=user_id).values_list("state", flat=True).first()
    return (state or "").encode()
