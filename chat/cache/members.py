"""``chat:member``: who is in a room; and what ends a user's snapshot for ``me/meta``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from chat.models import Membership
from core import cache
from core.cache_keys import CHAT_ME, CHAT_MEMBER
from core.log.announce import Committed

_NOBODY = b""


def member_role(room_id: UUID, user_id: UUID) -> str | None:
    """The user's role in the room, None for who is not in it. For threads; no query when warm."""
    return _role(cache.get_or_load(_member_key(room_id, user_id), CHAT_MEMBER, lambda: _load_role(room_id, user_id)))


async def amember_role(room_id: UUID, user_id: UUID) -> str | None:
    """``member_role`` for coroutines; does not wait when the process has a copy."""
    key = _member_key(room_id, user_id)
    value = await cache.aget_or_load(key, CHAT_MEMBER, lambda: cache.run_in_thread(_load_role, room_id, user_id))
    return _role(value)


def forget_members(pipe: Any, room_id: UUID, user_ids: Iterable[UUID]) -> None:
    """These people joined, left or got another role: to be called from the commit's hook."""
    keys = [(_member_key(room_id, user_id), CHAT_ME.of(user_id=user_id)) for user_id in user_ids]
    cache.invalidate(*(key for pair in keys for key in pair), pipe=pipe)


def touch_user(pipe: Any, user_id: UUID | str) -> None:
    """What ``me/meta`` says of this user has changed (memberships, reads, the own stream)."""
    cache.invalidate(CHAT_ME.of(user_id=user_id), pipe=pipe)


def touch_owners(commits: Sequence[Committed], pipe: Any) -> None:
    """The log's announcer: a change in somebody's own stream touches that person."""
    owners = {commit.stream.removeprefix("user:") for commit in commits if commit.stream.startswith("user:")}
    for owner in sorted(owners):
        touch_user(pipe, owner)


# To put two ids into a text takes longer than all else that a warm answer needs.
@lru_cache(maxsize=20_000)
def _member_key(room_id: UUID, user_id: UUID) -> str:
    return CHAT_MEMBER.of(room_id=room_id, user_id=user_id)


def _load_role(room_id: UUID, user_id: UUID) -> bytes:
    query = Membership.objects.filter(room_id=room_id, user_id=user_id)
    role = query.values_list("role", flat=True).first()
    return _NOBODY if role is None else role.encode()


def _role(value: bytes) -> str | None:
    return None if value == _NOBODY else value.decode()
