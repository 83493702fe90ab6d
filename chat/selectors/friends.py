"""Who counts as a friend: whoever one has a direct room with."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from chat.models import ChatRoom, direct_room_id


def friends_among(viewer_id: UUID, user_ids: Collection[UUID]) -> set[UUID]:
    """Those of these people with whom the viewer has a direct room, in one query: its id is known."""
    rooms = {direct_room_id(viewer_id, user_id): user_id for user_id in user_ids if user_id != viewer_id}
    return {rooms[room_id] for room_id in ChatRoom.objects.filter(pk__in=rooms).values_list("pk", flat=True)}
