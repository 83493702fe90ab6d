"""Reads about people. What the token path needs is cached, and cleared by the services that change it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from accounts.models import Partner, Role, User
from accounts.payloads import UserCard, user_card
from core import cache
from core.cache_keys import USER_PARTNER, USER_ROLE

CARD_FIELDS = ("id", "display_name", "avatar")


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


def _load_role(user_id: UUID) -> bytes:
    role = User.objects.filter(pk=user_id).values_list("role", flat=True).first()
    return (role or Role.USER.value).encode()


def _load_partner_state(user_id: UUID) -> bytes:
    state = Partner.objects.filter(pk=user_id).values_list("state", flat=True).first()
    return (state or "").encode()
