"""What several services share."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any
from uuid import UUID

from accounts.models import User
from chat import cache
from chat.events import MemberJoined, MemberLeft, RoomAdded, RoomRemoved
from chat.models import ChatRoom, Membership, membership_id, user_stream
from chat.payloads import member_payload
from core.audit.services import record
from core.errors import NotFound
from core.log.announce import Pipeline
from core.log.bykey import ByKey
from core.log.writer import Lookup, Writer
from realtime import control

# The people whose cards stand in events.
PEOPLE = Lookup(ByKey(User, User.objects.all))


def tell_meta(w: Writer, room: ChatRoom) -> None:
    """After the commit, the room's meta is what it is now."""
    w.on_commit(partial(cache.raise_meta, room=room), key=("meta", room.pk))


def tell_members(w: Writer, room_id: UUID, user_ids: Collection[UUID]) -> None:
    """After the commit, nobody remembers what these people were in the room."""
    w.on_commit(partial(cache.forget_members, room_id=room_id, user_ids=tuple(user_ids)))


def end_topic(w: Writer, topic: str, user_id: UUID | None) -> None:
    """After the commit, the sockets of somebody (None: of all) who has lost the right to a topic are off it."""

    def hook(pipe: Pipeline) -> None:
        control.end_topic(user_id, topic, pipe=pipe)

    w.on_commit(hook, key=("end_topic", topic, user_id))


def new_membership(w: Writer, room: ChatRoom, user: User, role: str) -> Membership:
    """Put somebody into a room, without telling it: to them, what was written before is read."""
    membership = Membership(
        id=membership_id(room.pk, user.pk), room=room, user=user, role=role, joined_at=w.now, read_seq=room.seq
    )
    w.insert(membership)
    room.members_count += 1
    w.append(user_stream(user.pk), RoomAdded(str(room.pk)))
    return membership


def admit(w: Writer, room: ChatRoom, user: User, role: str) -> Membership:
    """Put somebody into a room that has others: its members see it, and the user's other devices."""
    membership = new_membership(w, room, user, role)
    w.update(room, "members_count")
    w.append(room.stream, MemberJoined(member_payload(membership)))
    tell_members(w, room.pk, [user.pk])
    tell_meta(w, room)
    return membership


def dismiss(w: Writer, room: ChatRoom, membership: Membership, reason: str) -> None:
    """Take somebody out of a room."""
    w.delete(membership)
    room.members_count -= 1
    w.update(room, "members_count")
    w.append(room.stream, MemberLeft(member_payload(membership)))
    w.append(user_stream(membership.user_id), RoomRemoved(str(room.pk), reason))
    tell_members(w, room.pk, [membership.user_id])
    tell_meta(w, room)
    end_topic(w, room.stream, membership.user_id)


def person(w: Writer, user_id: UUID) -> User:
    """Somebody the act looked up in PEOPLE. Raises NotFound."""
    user = w.look_up(PEOPLE, user_id)
    if user is None:
        raise NotFound("There is no such person.")
    return user


def audit(actor_id: UUID, action: str, room_id: UUID, reason: str, **data: Any) -> None:
    """Write down what only a role on the site allowed. Raises Invalid without a reason."""
    record(
        actor=User.objects.get(pk=actor_id),
        action=action,
        object_type="room",
        object_id=room_id,
        reason=reason,
        data=data,
    )
