"""Who asks, and whether they may: no query when the caches are warm."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from accounts.tokens import Principal, aauthenticate_token
from chat.cache import amember_role
from chat.models import ChatRoom
from core import cache
from core.errors import Forbidden, NotFound
from core.raw import Scope, bearer_token


async def authenticate(scope: Scope) -> Principal:
    """Whose token this is. Raises NotAuthenticated or InvalidToken (401)."""
    return await aauthenticate_token(bearer_token(scope))


def room_id_of(scope: Scope) -> UUID:
    """The room's id in the path. Raises NotFound for what is no id."""
    try:
        return _as_id(scope["params"]["room_id"])
    except ValueError as error:
        raise NotFound from error


@lru_cache(maxsize=20_000)
def _as_id(text: str) -> UUID:
    return UUID(text)


async def check_member(room_id: UUID, user_id: UUID) -> None:
    """Raises NotFound for outsiders; Forbidden where they may know the room, a public one."""
    if await amember_role(room_id, user_id) is not None:
        return
    if await cache.run_in_thread(_is_public, room_id):
        raise Forbidden("Join this room first.")
    raise NotFound


def _is_public(room_id: UUID) -> bool:
    return ChatRoom.objects.filter(pk=room_id, kind=ChatRoom.Kind.PUBLIC).exists()
