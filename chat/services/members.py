"""Who is in a room: adding, removing, roles, joining, leaving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from chat import permissions
from chat.events import MemberChanged
from chat.models import ChatRoom, Membership, membership_id, room_stream, user_stream
from chat.payloads import MemberPayload, member_payload
from chat.services import _acts
from chat.services.rooms import check_people
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.log import executor
from core.log.writer import Act, Writer

Role = Membership.Role
T = TypeVar("T")


def add_members(
    *, actor_id: UUID, room_id: UUID, user_ids: Sequence[UUID], role: str = Role.MEMBER, reason: str = ""
) -> list[MemberPayload]:
    """Add people; the members asked for, those that were there before (unchanged) included.

    The number of queries does not grow with the people. ``reason`` is for the audit, where only the
    actor's role on the site allows it. Raises NotFound, Forbidden, Invalid.
    """
    if role not in (Role.ADMIN, Role.MEMBER, Role.GUEST):
        raise Invalid("People are added as admin, member or guest.", attr="role")
    wanted = check_people(user_ids, "user_ids")
    if not wanted:
        raise Invalid("Say whom to add.", attr="user_ids")

    def run(w: Writer) -> list[MemberPayload]:
        room, membership = _inside(w, room_id, actor_id)
        by_site = permissions.check_may_invite(room, membership, role, actor_id=actor_id)
        people = {user_id: w.look_up(_acts.PEOPLE, user_id) for user_id in wanted}
        unknown = [str(user_id) for user_id, user in people.items() if user is None]
        if unknown:
            raise Invalid(f"There is nobody with the id {', '.join(unknown)}.", attr="user_ids")
        if by_site:
            _acts.audit(actor_id, "room.add_members", room_id, reason, users=[str(each) for each in wanted])
        members = []
        for user_id, user in people.items():
            present = w.row(Membership, membership_id(room_id, user_id))
            assert user is not None
            members.append(present or _acts.admit(w, room, user, role))
        return [member_payload(member) for member in members]

    return executor.execute(_act(run, room_id, actor_id, wanted))


def remove_member(*, actor_id: UUID, room_id: UUID, user_id: UUID, reason: str = "") -> None:
    """Take somebody out of a room. Raises NotFound, Forbidden, Conflict (the owner), Invalid."""

    def run(w: Writer) -> None:
        room, membership = _inside(w, room_id, actor_id)
        target = _target(w, room, membership, user_id, actor_id)
        if user_id == actor_id:
            permissions.check_may_leave(room, target)
            _acts.dismiss(w, room, target, "left")
            return
        if permissions.check_may_remove(room, membership, target, actor_id=actor_id):
            _acts.audit(actor_id, "room.remove_member", room_id, reason, user=str(user_id))
        _acts.dismiss(w, room, target, "removed")

    executor.execute(_act(run, room_id, actor_id, [user_id]))


def change_role(*, actor_id: UUID, room_id: UUID, user_id: UUID, role: str, reason: str = "") -> MemberPayload:
    """Give a member another role; ``owner`` hands the room over, and the old owner becomes an admin.

    Raises NotFound, Forbidden, Conflict, Invalid.
    """
    if role not in Role.values:
        raise Invalid(f"The role is one of {', '.join(Role.values)}.", attr="role")
    owner_id = _owner_of(room_id) if role == Role.OWNER else None

    def run(w: Writer) -> MemberPayload:
        room, membership = _inside(w, room_id, actor_id)
        target = _target(w, room, membership, user_id, actor_id)
        by_site = permissions.check_may_change_role(room, membership, target, role, actor_id=actor_id)
        if target.role == role:
            return member_payload(target)
        if by_site:
            _acts.audit(actor_id, "room.change_role", room_id, reason, user=str(user_id), role=role)
        if role == Role.OWNER:
            _step_down(w, room, owner_id)
        _set_role(w, room, target, role)
        _acts.tell_meta(w, room)
        return member_payload(target)

    return executor.execute(_act(run, room_id, actor_id, [user_id], owner_id))


def join_room(*, user_id: UUID, room_id: UUID) -> MemberPayload:
    """Join a public room; twice is once. Raises NotFound, also for a group one is not in."""

    def run(w: Writer) -> MemberPayload:
        membership = w.row(Membership, membership_id(room_id, user_id))
        room = permissions.check_may_see(w.row(ChatRoom, room_id), membership.role if membership else None)
        if membership is None:
            membership = _acts.admit(w, room, _acts.person(w, user_id), Role.MEMBER)
        return member_payload(membership)

    return executor.execute(_act(run, room_id, user_id, [user_id]))


def leave_room(*, user_id: UUID, room_id: UUID) -> None:
    """Leave. Raises NotFound, Forbidden (a direct room, or not in it), Conflict when the room would
    be left without an owner."""

    def run(w: Writer) -> None:
        room, membership = _inside(w, room_id, user_id)
        if membership is None:
            raise Forbidden("You are not in this room.")
        permissions.check_may_leave(room, membership)
        _acts.dismiss(w, room, membership, "left")

    executor.execute(_act(run, room_id, user_id, [user_id]))


def _act(
    run: Callable[[Writer], T], room_id: UUID, actor_id: UUID, user_ids: Sequence[UUID], owner_id: UUID | None = None
) -> Act[T]:
    people = dict.fromkeys([actor_id, *user_ids, *([owner_id] if owner_id is not None else [])])
    return Act(
        run=run,
        rows=[(ChatRoom, room_id), *((Membership, membership_id(room_id, each)) for each in people)],
        streams=[room_stream(room_id), *map(user_stream, user_ids)],
        lookups=[(_acts.PEOPLE, each) for each in user_ids],
    )


def _inside(w: Writer, room_id: UUID, actor_id: UUID) -> tuple[ChatRoom, Membership | None]:
    """The room, when the actor may know of it, and the actor's membership."""
    membership = w.row(Membership, membership_id(room_id, actor_id))
    return permissions.check_may_know(w.row(ChatRoom, room_id), membership, actor_id=actor_id), membership


def _target(w: Writer, room: ChatRoom, membership: Membership | None, user_id: UUID, actor_id: UUID) -> Membership:
    target = w.row(Membership, membership_id(room.pk, user_id))
    if target is not None:
        return target
    if membership is None and not permissions.is_site_admin(actor_id):
        raise Forbidden("Join the room first.")
    raise NotFound("There is no such member.")


def _owner_of(room_id: UUID) -> UUID | None:
    return Membership.objects.filter(room=room_id, role=Role.OWNER).values_list("user_id", flat=True).first()


def _step_down(w: Writer, room: ChatRoom, owner_id: UUID | None) -> None:
    """The owner becomes an admin. ``owner_id`` was read before the lock: it has to be true still."""
    if _owner_of(room.pk) != owner_id:
        raise Conflict("The room has got another owner meanwhile.")
    owner = w.row(Membership, membership_id(room.pk, owner_id)) if owner_id is not None else None
    if owner is not None:
        _set_role(w, room, owner, Role.ADMIN)


def _set_role(w: Writer, room: ChatRoom, member: Membership, role: str) -> None:
    member.role = role
    w.update(member, "role")
    w.append(room.stream, MemberChanged(member_payload(member)))
    _acts.tell_members(w, room.pk, [member.user_id])
