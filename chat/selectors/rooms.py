"""Reading rooms: one's own, the directory of public ones, who is in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from chat.events import ROOM_RELATIONS, ROOMS
from chat.models import ChatRoom, Membership, membership_id
from chat.payloads import MemberPayload, OwnRoomPayload, member_payload, own_room_payload
from core import clock
from core.clock import format_time
from core.errors import Invalid
from core.log.bykey import ByKey
from core.paging import decode_cursor, encode_cursor

_MEMBERSHIPS = ByKey(Membership, Membership.objects.all)


class RoomsPage(TypedDict):
    """Rooms, and the cursor of the next page (null: this was the last)."""

    rooms: list[OwnRoomPayload]
    next_cursor: str | None


class MembersPage(TypedDict):
    """Members, and the cursor of the next page (null: this was the last)."""

    members: list[MemberPayload]
    next_cursor: str | None


def get_room(room_id: UUID) -> ChatRoom | None:
    """A room with all that its payload reads."""
    return ROOMS([room_id]).get(room_id)


def get_membership(room_id: UUID, user_id: UUID) -> Membership | None:
    """The membership, None outside."""
    key = membership_id(room_id, user_id)
    return _MEMBERSHIPS([key]).get(key)


def present_room(room: ChatRoom, membership: Membership | None) -> OwnRoomPayload:
    """A room as its viewer sees it. One query for a direct room's people."""
    people = _direct_members([room]) if room.kind == ChatRoom.Kind.DIRECT else {}
    return own_room_payload(room, membership, people.get(room.pk))


def list_own_rooms(*, user_id: UUID, limit: int, search: str = "", cursor: str | None = None) -> RoomsPage:
    """One's rooms, the liveliest first; the number of queries does not grow with them.

    A room that moves to the top while one pages would be missed: it comes (again) on the last page.
    Raises Invalid for a cursor that is none.
    """
    query = Membership.objects.filter(user=user_id).annotate(
        lively_at=Coalesce(F("room__last_message_at"), F("room__created_at"))
    )
    query = query.select_related("room", *(f"room__{name}" for name in ROOM_RELATIONS))
    if search:
        query = query.filter(_named(search, "room__") | _with_person(search, user_id))
    started = clock.now()
    page = query
    position = _decode_own(cursor)
    if position is not None:
        started, lively_at, room_id = position
        page = query.filter(Q(lively_at__lt=lively_at) | Q(lively_at=lively_at, room__lt=room_id))
    found = list(page.order_by("-lively_at", "-room_id")[: limit + 1])
    has_more, found = len(found) > limit, found[:limit]
    next_cursor = _encode_own(started, found[-1]) if has_more else None
    if position is not None and not has_more:
        present = {membership.pk for membership in found}
        found += [membership for membership in query.filter(lively_at__gte=started) if membership.pk not in present]
    people = _direct_members(membership.room for membership in found)
    return {
        "rooms": [own_room_payload(each.room, each, people.get(each.room_id)) for each in found],
        "next_cursor": next_cursor,
    }


def list_public_rooms(*, user_id: UUID, limit: int, search: str = "", cursor: str | None = None) -> RoomsPage:
    """The directory, by name; three queries at most. Raises Invalid for a cursor that is none."""
    query = ChatRoom.objects.filter(kind=ChatRoom.Kind.PUBLIC).select_related(*ROOM_RELATIONS)
    if search:
        query = query.filter(_named(search, ""))
    position = decode_cursor(cursor, str, str)
    if position is not None:
        name, room_id = position[0], _as_id(position[1])
        query = query.filter(name__gte=name).filter(Q(name__gt=name) | Q(id__gt=room_id))
    found = list(query.order_by("name", "id")[: limit + 1])
    has_more, found = len(found) > limit, found[:limit]
    mine = Membership.objects.filter(pk__in=[membership_id(room.pk, user_id) for room in found])
    own = {membership.room_id: membership for membership in mine}
    return {
        "rooms": [own_room_payload(room, own.get(room.pk)) for room in found],
        "next_cursor": encode_cursor(found[-1].name, str(found[-1].pk)) if has_more else None,
    }


def list_members(*, room_id: UUID, limit: int, cursor: str | None = None) -> MembersPage:
    """Who is in a room, in an order that does not move; one query. Raises Invalid."""
    query = Membership.objects.filter(room=room_id).select_related("user")
    position = decode_cursor(cursor, str)
    if position is not None:
        query = query.filter(user__gt=_as_id(position[0]))
    found = list(query.order_by("user_id")[: limit + 1])
    has_more, found = len(found) > limit, found[:limit]
    return {
        "members": [member_payload(membership) for membership in found],
        "next_cursor": encode_cursor(str(found[-1].user_id)) if has_more else None,
    }


def _named(search: str, prefix: str) -> Q:
    return Q(**{f"{prefix}name__icontains": search}) | Q(**{f"{prefix}topic__icontains": search})


def _with_person(search: str, user_id: UUID) -> Q:
    """Direct rooms with somebody of that name."""
    others = Membership.objects.filter(user__display_name__icontains=search).exclude(user=user_id)
    return Q(room__kind=ChatRoom.Kind.DIRECT, room__in=others.values("room"))


def _encode_own(started: datetime, last: Membership) -> str:
    lively_at = last.room.last_message_at or last.room.created_at
    return encode_cursor(format_time(started), format_time(lively_at), str(last.room_id))


def _decode_own(cursor: str | None) -> tuple[datetime, datetime, UUID] | None:
    position = decode_cursor(cursor, str, str, str)
    if position is None:
        return None
    try:
        return clock.parse_time(position[0]), clock.parse_time(position[1]), _as_id(position[2])
    except ValueError as error:
        raise _not_ours() from error


def _as_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise _not_ours() from error


def _not_ours() -> Invalid:
    return Invalid("This cursor is not one that the server gave.", attr="cursor")


def _direct_members(rooms: Iterable[ChatRoom]) -> dict[UUID, list[MemberPayload]]:
    """Both people of the direct ones among these rooms, in one query."""
    direct = [room.pk for room in rooms if room.kind == ChatRoom.Kind.DIRECT]
    people: dict[UUID, list[MemberPayload]] = defaultdict(list)
    for membership in _members_of(direct):
        people[membership.room_id].append(member_payload(membership))
    return people


def _members_of(room_ids: Collection[UUID]) -> QuerySet[Membership]:
    return Membership.objects.filter(room__in=room_ids).select_related("user").order_by("user_id")
