"""Reading messages: pages of a timeline, one message, its history.

A timeline is in the order of (lamport, origin, id), which is the same on every installation.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Q, QuerySet, UUIDField

from chat.cache import Page
from chat.events import MESSAGE_RELATIONS
from chat.models import ChatMessage, ChatRoom, MessageEdit
from chat.payloads import EditPayload, MessagePayload, message_payload
from core.clock import format_time
from core.errors import Invalid, NotFound
from core.log.bykey import ByKey
from core.log.epoch import current_epoch

_WITH_ROOM = ByKey(ChatMessage, lambda: ChatMessage.objects.select_related("room", *MESSAGE_RELATIONS))
_NEWEST_FIRST = ("-lamport", "-origin", "-id")
_OLDEST_FIRST = ("lamport", "origin", "id")
# How a database keeps an id: as text, or as it is.
_ID: UUIDField[UUID, UUID] = UUIDField()


class MessagesPage(TypedDict):
    """Messages in timeline order, the newest last. Every change up to ``offset`` is in them.

    ``has_more``: there are more in the direction asked for (with ``around``: in either).
    """

    messages: list[MessagePayload]
    has_more: bool
    offset: int
    epoch: str


class EditsPage(TypedDict):
    """What edits replaced, the oldest first."""

    edits: list[EditPayload]


class _Place(NamedTuple):
    lamport: int
    origin: str
    id: UUID


def list_messages(
    *, room_id: UUID, limit: int, before: UUID | None = None, after: UUID | None = None, around: UUID | None = None
) -> MessagesPage:
    """A page of a room: the newest, or those next to a message (at most one may be given).

    Two queries, three with an anchor, four with ``around``. Raises Invalid when the anchor is not in
    the room, NotFound when the room is gone.
    """
    # Before the messages: what changes in between is in them or comes as a change, never neither.
    offset = ChatRoom.objects.filter(pk=room_id).values_list("offset", flat=True).first()
    if offset is None:
        raise NotFound("There is no such room.")
    if around is not None:
        messages, has_more = _around(room_id, _place(room_id, around, "around"), limit)
    elif after is not None:
        messages, has_more = _cut(_after(room_id, _place(room_id, after, "after")), limit)
    else:
        place = _place(room_id, before, "before") if before is not None else None
        messages, has_more = _cut(_before(room_id, place), limit)
        messages.reverse()
    return {
        "messages": [message_payload(message) for message in messages],
        "has_more": has_more,
        "offset": offset,
        "epoch": current_epoch(),
    }


def newest_page(*, room_id: UUID, limit: int) -> Page:
    """The newest messages, encoded: what the cache of the room keeps."""
    page = list_messages(room_id=room_id, limit=limit)
    return Page(page["offset"], orjson.dumps(page))


def get_message(message_id: UUID) -> ChatMessage | None:
    """A message with all that its payload reads, and its room."""
    return _WITH_ROOM([message_id]).get(message_id)


def find_sent(keys: Collection[tuple[UUID, UUID, str]]) -> list[UUID]:
    """The ids of the messages with these (room, sender, client_id); almost always none.

    Asked with every send, and therefore by hand: one look into the unique index for each key, where
    the ORM's OR of sixty conditions takes longer than writing the sixty messages.
    """
    rows = ", ".join(["(%s, %s, %s)"] * len(keys))
    sql = (
        f"SELECT m.id FROM (VALUES {rows}) v JOIN chat_chatmessage m "  # noqa: S608 - placeholders alone
        "ON m.room_id = v.column1 AND m.sender_id = v.column2 AND m.client_id = v.column3"
    )
    values: list[Any] = []
    for room_id, sender_id, client_id in keys:
        values += (_ID.get_db_prep_value(room_id, connection), _ID.get_db_prep_value(sender_id, connection), client_id)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [UUID(str(found)) for (found,) in cursor.fetchall()]


def list_edits(message_id: UUID) -> list[EditPayload]:
    """What edits replaced, the oldest first; a recall is the edit to nothing."""
    return [
        {
            "old_content": edit.old_content,
            "new_content": edit.new_content,
            "edited_at": format_time(edit.edited_at),
            "edited_by": str(edit.edited_by_id) if edit.edited_by_id is not None else None,
        }
        for edit in MessageEdit.objects.filter(message=message_id).order_by("version")
    ]


def _place(room_id: UUID, message_id: UUID, attr: str) -> _Place:
    query = ChatMessage.objects.filter(pk=message_id, room=room_id)
    found = query.values_list("lamport", "origin", "id").first()
    if found is None:
        raise Invalid("There is no such message in this room.", attr=attr)
    return _Place(*found)


def _before(room_id: UUID, place: _Place | None) -> QuerySet[ChatMessage]:
    query = _timeline(room_id).order_by(*_NEWEST_FIRST)
    if place is None:
        return query
    earlier = Q(lamport__lt=place.lamport) | Q(lamport=place.lamport) & (
        Q(origin__lt=place.origin) | Q(origin=place.origin, id__lt=place.id)
    )
    # The first condition alone bounds the index; the second settles ties.
    return query.filter(lamport__lte=place.lamport).filter(earlier)


def _after(room_id: UUID, place: _Place) -> QuerySet[ChatMessage]:
    later = Q(lamport__gt=place.lamport) | Q(lamport=place.lamport) & (
        Q(origin__gt=place.origin) | Q(origin=place.origin, id__gt=place.id)
    )
    return _timeline(room_id).order_by(*_OLDEST_FIRST).filter(lamport__gte=place.lamport).filter(later)


def _around(room_id: UUID, place: _Place, limit: int) -> tuple[list[ChatMessage], bool]:
    """The message, and as many before as after it (one more before, where they cannot be even)."""
    later, more_later = _cut(_after(room_id, place), (limit - 1) // 2)
    until = _timeline(room_id).filter(lamport__lte=place.lamport).order_by(*_NEWEST_FIRST)
    ties = Q(lamport__lt=place.lamport) | Q(origin__lt=place.origin) | Q(origin=place.origin, id__lte=place.id)
    earlier, more_earlier = _cut(until.filter(ties), limit - (limit - 1) // 2)
    return [*reversed(earlier), *later], more_earlier or more_later


def _timeline(room_id: UUID) -> QuerySet[ChatMessage]:
    return ChatMessage.objects.filter(room=room_id).select_related(*MESSAGE_RELATIONS)


def _cut(query: QuerySet[ChatMessage], limit: int) -> tuple[list[ChatMessage], bool]:
    found = list(query[: limit + 1])
    return found[:limit], len(found) > limit
