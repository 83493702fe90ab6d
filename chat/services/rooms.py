"""Making, changing and deleting rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from chat import cache, permissions
from chat.events import MESSAGES, RoomChanged, RoomDeleted
from chat.models import (
    ChatMessage,
    ChatRoom,
    Invite,
    Membership,
    MessageEdit,
    direct_room_id,
    membership_id,
    room_stream,
    user_stream,
)
from chat.payloads import room_payload
from chat.services import _acts, texts
from core.errors import Invalid, NotFound, Unavailable
from core.ids import uuid7
from core.log import executor
from core.log.writer import Act, Writer

# People who can be put into a room by one call.
MAX_MEMBERS_AT_ONCE = 500
SETTINGS = ("guests_may_send", "members_may_invite", "members_may_pin", "is_frozen")
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class CreateRoomResult:
    """The room's id; ``created`` is False for the direct room that two people already have."""

    room_id: UUID
    created: bool


def create_room(
    *, actor_id: UUID, kind: str, name: str = "", topic: str = "", member_ids: Sequence[UUID] = ()
) -> CreateRoomResult:
    """A direct room (exactly one other person), a group or a public room; the actor owns the latter.

    Two people have one direct room, whoever asks first. A room without a name is named after the
    people in it. Raises Invalid.
    """
    others = [user_id for user_id in check_people(member_ids, "member_ids") if user_id != actor_id]
    if kind == ChatRoom.Kind.DIRECT:
        if len(others) != 1:
            raise Invalid("A direct room is with exactly one other person.", attr="member_ids")
        return executor.execute(_opening(actor_id, others[0]))
    if kind not in ChatRoom.Kind.values:
        raise Invalid(f"The kind is one of {', '.join(ChatRoom.Kind.values)}.", attr="kind")
    fields = {
        "kind": kind,
        "name": texts.clean_line(name, "name", texts.MAX_NAME),
        "topic": texts.clean_line(topic, "topic", texts.MAX_TOPIC),
    }
    return executor.execute(_creating(actor_id, uuid7(), fields, others))


def update_room(*, actor_id: UUID, room_id: UUID, changes: Mapping[str, object], reason: str = "") -> None:
    """Change ``name``, ``topic`` or one of ``SETTINGS``. ``reason`` is for the audit, where only the
    actor's role on the site allows it. Raises NotFound, Forbidden, Invalid."""
    cleaned = _clean(changes)

    def run(w: Writer) -> None:
        room = w.row(ChatRoom, room_id)
        membership = w.row(Membership, membership_id(room_id, actor_id))
        if room is None:
            raise NotFound("There is no such room.")
        # Hides the room from outsiders itself: a site moderator freezes rooms that are not theirs.
        by_site = permissions.check_may_update(room, membership, cleaned, actor_id=actor_id)
        new = {field: value for field, value in cleaned.items() if getattr(room, field) != value}
        if not new:
            return
        if by_site or (reason and permissions.can_moderate(actor_id)):
            _acts.audit(actor_id, "room.change", room_id, reason, fields=sorted(new))
        for field, value in new.items():
            setattr(room, field, value)
        w.update(room, *new)
        _tell_changed(w, room)

    rows: list[Any] = [(ChatRoom, room_id), (Membership, membership_id(room_id, actor_id))]
    executor.execute(Act(run=run, rows=rows, streams=[room_stream(room_id)]))


def delete_room(*, actor_id: UUID, room_id: UUID, reason: str = "") -> None:
    """Delete a room with all it holds; each of its members is told on their own stream.

    Raises NotFound, Forbidden, Invalid.
    """
    for _ in range(_ATTEMPTS):
        # An act names its streams before it locks the room; who joins in between makes it start again.
        member_ids = frozenset(Membership.objects.filter(room=room_id).values_list("user_id", flat=True))
        if executor.execute(_deleting(actor_id, room_id, member_ids, reason)):
            return
    raise Unavailable


def check_people(user_ids: Sequence[UUID], attr: str) -> list[UUID]:
    """The ids, each once, in their order. Raises Invalid when there are too many."""
    if len(user_ids) > MAX_MEMBERS_AT_ONCE:
        raise Invalid(f"At most {MAX_MEMBERS_AT_ONCE} people at once.", attr=attr)
    return list(dict.fromkeys(user_ids))


def _clean(changes: Mapping[str, object]) -> dict[str, str | bool]:
    cleaned: dict[str, str | bool] = {}
    for field, value in changes.items():
        if field in SETTINGS and isinstance(value, bool):
            cleaned[field] = value
        elif field == "name" and isinstance(value, str):
            cleaned[field] = texts.clean_line(value, field, texts.MAX_NAME)
        elif field == "topic" and isinstance(value, str):
            cleaned[field] = texts.clean_line(value, field, texts.MAX_TOPIC)
        else:
            raise Invalid("This cannot be changed, or not to that.", attr=field)
    if cleaned.get("name") == "":
        raise Invalid("The room needs a name.", attr="name")
    return cleaned


def _opening(actor_id: UUID, other_id: UUID) -> Act[CreateRoomResult]:
    room_id = direct_room_id(actor_id, other_id)
    people = (actor_id, other_id)

    def run(w: Writer) -> CreateRoomResult:
        # Two who open it at the same moment meet at the lock of its stream.
        if w.row(ChatRoom, room_id) is not None or ChatRoom.objects.filter(pk=room_id).exists():
            return CreateRoomResult(room_id, created=False)
        room = ChatRoom(id=room_id, kind=ChatRoom.Kind.DIRECT, created_by_id=actor_id, created_at=w.now)
        _fill(w, room, dict.fromkeys(people, Membership.Role.MEMBER), "member_ids")
        return CreateRoomResult(room_id, created=True)

    return Act(
        run=run,
        rows=[(ChatRoom, room_id)],
        streams=[room_stream(room_id), *map(user_stream, people)],
        lookups=[(_acts.PEOPLE, user_id) for user_id in people],
    )


def _creating(
    actor_id: UUID, room_id: UUID, fields: Mapping[str, str], others: Sequence[UUID]
) -> Act[CreateRoomResult]:
    people = (actor_id, *others)

    def run(w: Writer) -> CreateRoomResult:
        room = ChatRoom(id=room_id, created_by_id=actor_id, created_at=w.now, **fields)
        roles = {actor_id: Membership.Role.OWNER, **dict.fromkeys(others, Membership.Role.MEMBER)}
        _fill(w, room, roles, "member_ids")
        return CreateRoomResult(room_id, created=True)

    return Act(
        run=run,
        streams=[room_stream(room_id), *map(user_stream, people)],
        lookups=[(_acts.PEOPLE, user_id) for user_id in people],
    )


def _fill(w: Writer, room: ChatRoom, roles: Mapping[UUID, str], attr: str) -> None:
    # Nobody watches a room before it is there: its members are not told one by one, and the first
    # change of its stream is the first that happens in it.
    people = {user_id: w.look_up(_acts.PEOPLE, user_id) for user_id in roles}
    unknown = [str(user_id) for user_id, user in people.items() if user is None]
    if unknown:
        raise Invalid(f"There is nobody with the id {', '.join(unknown)}.", attr=attr)
    if not room.name and room.kind != ChatRoom.Kind.DIRECT:
        names = [user.display_name for user in people.values() if user is not None]
        room.name = ", ".join(names)[: texts.MAX_NAME]
    w.insert(room)
    for user_id, user in people.items():
        assert user is not None
        _acts.new_membership(w, room, user, roles[user_id])
    _acts.tell_members(w, room.pk, list(roles))
    _acts.tell_meta(w, room)


def _tell_changed(w: Writer, room: ChatRoom) -> None:
    # The payload is the room after this change, so its offset has to be that already.
    room.offset = w.next_offset(room.stream)
    if room.last_message_id is not None:
        room.last_message = MESSAGES([room.last_message_id])[room.last_message_id]
    w.append(room.stream, RoomChanged(room_payload(room)))
    _acts.tell_meta(w, room)


def _deleting(actor_id: UUID, room_id: UUID, member_ids: frozenset[UUID], reason: str) -> Act[bool]:
    def run(w: Writer) -> bool:
        room = w.row(ChatRoom, room_id)
        if room is None:
            raise NotFound("There is no such room.")
        membership = w.row(Membership, membership_id(room_id, actor_id))
        by_site = permissions.check_may_delete(room, membership, actor_id=actor_id)
        present = set(Membership.objects.filter(room=room_id).values_list("user_id", flat=True))
        if not present <= member_ids:
            return False
        if by_site or (reason and permissions.can_moderate(actor_id)):
            _acts.audit(actor_id, "room.delete", room_id, reason, members=len(present))
        _erase(room)
        for user_id in sorted(present):
            w.append(user_stream(user_id), RoomDeleted(str(room_id)))
        w.on_commit(partial(cache.forget_room, room_id=room_id, member_ids=present))
        _acts.end_topic(w, room_stream(room_id), None)
        w.forget(room)
        return True

    rows: list[Any] = [(ChatRoom, room_id), (Membership, membership_id(room_id, actor_id))]
    return Act(run=run, rows=rows, streams=[room_stream(room_id), *map(user_stream, sorted(member_ids))])


def _erase(room: ChatRoom) -> None:
    """The rows, table by table: Django's own cascade would load every message into memory.

    The room's changes stay: they name only ids, nobody may read them any more, and the newest of
    them may be what the witness remembers.
    """
    messages = ChatMessage.objects.filter(room=room)
    ChatRoom.objects.filter(pk=room.pk).update(last_message=None)
    MessageEdit.objects.filter(message__in=messages).delete()
    messages.update(reply_to=None)
    messages._raw_delete(messages.db)
    Membership.objects.filter(room=room).delete()
    Invite.objects.filter(room=room).delete()
    room.delete()
