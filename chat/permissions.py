"""Who may do what in a room: the table of rights of the REST documentation, as code.

An outsider learns nothing: a room that one may not see answers NotFound. Whoever is inside without
the right gets Forbidden. Public rooms can be seen by everyone, their messages only by members.
Site moderators recall and freeze everywhere, site admins do all that an owner may (but for reading,
for which they have to be in the room like everyone); ``check_…`` answers True when the right was
only the site's, so that the service can write the audit.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts.models import Role as SiteRole
from accounts.models import User
from chat import cache
from chat.models import ChatMessage, ChatRoom, Membership
from core.errors import Conflict, Forbidden, NotFound, ParleyError, RecallExpired

Role = Membership.Role

RANK: dict[str, int] = {Role.GUEST: 0, Role.MEMBER: 1, Role.ADMIN: 2, Role.OWNER: 3}
_STAFF = (SiteRole.MODERATOR, SiteRole.ADMIN)


def site_role(user_id: UUID) -> str:
    """What somebody is on this site, from the database: these rights outweigh a cached answer."""
    return User.objects.filter(pk=user_id).values_list("role", flat=True).first() or SiteRole.USER


def check_may_see(room: ChatRoom | None, role: str | None) -> ChatRoom:
    """The room, when somebody with this role in it (None: outside) may know that it exists."""
    if room is None or (role is None and room.kind != ChatRoom.Kind.PUBLIC):
        raise NotFound("There is no such room.")
    return room


def check_reader(room_id: UUID, user_id: UUID) -> str:
    """The role of somebody who may read this room's messages and changes. No query when warm."""
    role = cache.member_role(room_id, user_id)
    if role is None:
        check_may_see(ChatRoom.objects.only("kind").filter(pk=room_id).first(), role)
        raise Forbidden("Join the room first.")
    return role


def check_viewer(room_id: UUID, user_id: UUID) -> None:
    """Raises NotFound where somebody may not even see the room. No query when warm, for members."""
    role = cache.member_role(room_id, user_id)
    if role is None:
        check_may_see(ChatRoom.objects.only("kind").filter(pk=room_id).first(), role)


def check_may_read_message(message: ChatMessage, *, user_id: UUID) -> None:
    """Reads ``room``. Members may; to an outsider the message does not exist, whatever they are on this
    site: staff look into other people's rooms at the moderators' desk, where it is on record."""
    if cache.member_role(message.room_id, user_id) is not None:
        return
    if message.room.kind == ChatRoom.Kind.PUBLIC:
        raise Forbidden("Join the room first.")
    raise NotFound("There is no such message.")


def check_may_see_history(message: ChatMessage, *, user_id: UUID) -> None:
    """What was recalled is gone for everyone but site moderators."""
    if message.deleted_at is not None and not can_moderate(user_id):
        raise Forbidden("The message was recalled: only site moderators see what it was.")


def check_may_know(
    room: ChatRoom | None, membership: Membership | None, *, actor_id: UUID, moderating: bool = False
) -> ChatRoom:
    """As ``check_may_see``, for acts: a site admin knows every room, and so does a moderator when the
    act is one of moderation."""
    try:
        return check_may_see(room, membership.role if membership is not None else None)
    except NotFound:
        if room is None or not (can_moderate(actor_id) if moderating else is_site_admin(actor_id)):
            raise
    return room


def check_may_read(room: ChatRoom | None, membership: Membership | None) -> Membership:
    """The membership, which reading messages, changes and meta takes."""
    check_may_see(room, membership.role if membership is not None else None)
    if membership is None:
        raise Forbidden("Join the room first.")
    return membership


def check_may_send(room: ChatRoom | None, membership: Membership | None) -> tuple[ChatRoom, Membership]:
    """Both, when this member may write now."""
    membership = check_may_read(room, membership)
    assert room is not None
    if membership.role == Role.GUEST and not room.guests_may_send:
        raise Forbidden("Guests may only read here.")
    _check_not_frozen(room, membership)
    return room, membership


def check_may_edit(message: ChatMessage | None, room: ChatRoom | None, membership: Membership | None) -> ChatMessage:
    """The message, when this member may change it: only one's own."""
    membership = check_may_read(room, membership)
    if message is None:
        raise NotFound("There is no such message.")
    assert room is not None
    if message.sender_id != membership.user_id:
        raise Forbidden("Only the sender may edit a message.")
    if message.deleted_at is not None:
        raise Conflict("The message was recalled.")
    _check_not_frozen(room, membership)
    return message


def check_may_recall(
    message: ChatMessage, room: ChatRoom, membership: Membership | None, *, actor_id: UUID, now: datetime
) -> bool:
    """True when only the site's right allows it. One's own within the time limit, admins anything."""
    refusal: ParleyError
    if membership is None:
        refusal = _refusal(room, membership, "")
    elif is_admin(membership):
        return False
    elif message.sender_id != actor_id:
        refusal = Forbidden("Only the sender and the room's admins may recall a message.")
    elif now - message.created_at <= timedelta(hours=settings.RECALL_HOURS):
        return False
    else:
        refusal = RecallExpired(f"A message can be recalled for {settings.RECALL_HOURS} hours.")
    if site_role(actor_id) in _STAFF:
        return True
    raise refusal


def is_site_admin(user_id: UUID) -> bool:
    """Whether somebody does everything everywhere."""
    return site_role(user_id) == SiteRole.ADMIN


def can_moderate(user_id: UUID) -> bool:
    """Whether somebody is of the site's staff: recalls, freezes and bans anywhere."""
    return site_role(user_id) in _STAFF


def is_moderation(names: Collection[str]) -> bool:
    """Whether changing these fields of a room is an act of moderation: freezing it, and nothing else."""
    return set(names) == {"is_frozen"}


def check_may_update(room: ChatRoom, membership: Membership | None, names: Collection[str], *, actor_id: UUID) -> bool:
    """True when only the site's right allows to change these fields of the room."""
    if membership is not None and is_admin(membership):
        return False
    role = site_role(actor_id)
    if is_moderation(names) and role in _STAFF:
        return True
    if room.kind == ChatRoom.Kind.DIRECT:
        raise _refusal(room, membership, "A direct room has no name and no settings.")
    if role == SiteRole.ADMIN:
        return True
    raise _refusal(room, membership, "Only admins of the room may change it.")


def check_may_delete(room: ChatRoom, membership: Membership | None, *, actor_id: UUID) -> bool:
    """True when only the site's right allows to delete the room."""
    if room.kind == ChatRoom.Kind.DIRECT:
        raise _refusal(room, membership, "A direct room cannot be deleted.")
    return _check_rank(room, membership, RANK[Role.OWNER], "Only the owner may delete the room.", actor_id)


def check_may_invite(room: ChatRoom, membership: Membership | None, role: str, *, actor_id: UUID) -> bool:
    """True when only the site's right allows to add people with this role."""
    if room.kind == ChatRoom.Kind.DIRECT:
        raise _refusal(room, membership, "Nobody can be added to a direct room. Make a group.")
    needed = RANK[Role.MEMBER] if room.members_may_invite else RANK[Role.ADMIN]
    # Admins are made by whoever stands above them; plain members by whoever may invite.
    needed = max(needed, RANK[role] + 1 if RANK[role] > RANK[Role.MEMBER] else 0)
    return _check_rank(room, membership, needed, "You may not add people with this role.", actor_id)


def check_may_remove(room: ChatRoom, membership: Membership | None, target: Membership, *, actor_id: UUID) -> bool:
    """True when only the site's right allows to remove this member."""
    if room.kind == ChatRoom.Kind.DIRECT:
        raise _refusal(room, membership, "Nobody can be removed from a direct room.")
    if target.role == Role.OWNER and membership is not None and membership.role == Role.OWNER:
        raise Conflict("The owner leaves by handing the room over first.")
    needed = max(RANK[Role.ADMIN], RANK[target.role] + 1)
    by_site = _check_rank(room, membership, needed, "Only people below your own role can be removed.", actor_id)
    if target.role == Role.OWNER:
        raise Conflict("Make somebody else the owner first.")
    return by_site


def check_may_change_role(
    room: ChatRoom, membership: Membership | None, target: Membership, role: str, *, actor_id: UUID
) -> bool:
    """True when only the site's right allows to give this member that role (owner: hand over)."""
    if room.kind == ChatRoom.Kind.DIRECT:
        raise _refusal(room, membership, "In a direct room both are members.")
    if role == Role.OWNER:
        return _check_rank(room, membership, RANK[Role.OWNER], "Only the owner hands the room over.", actor_id)
    needed = max(RANK[Role.ADMIN], RANK[target.role] + 1, RANK[role] + 1)
    by_site = _check_rank(room, membership, needed, "Roles can be changed below your own only.", actor_id)
    if target.role == Role.OWNER:
        raise Conflict("Make somebody else the owner; the old owner becomes an admin.")
    return by_site


def check_may_leave(room: ChatRoom, membership: Membership) -> None:
    """A direct room is not left, and nobody leaves a room without an owner behind."""
    if room.kind == ChatRoom.Kind.DIRECT:
        raise Forbidden("A direct room cannot be left.")
    if membership.role == Role.OWNER:
        if room.members_count == 1:
            raise Conflict("You are the only one here. Delete the room instead.")
        raise Conflict("You own this room. Hand it over to somebody first, or delete it.")


def is_admin(membership: Membership) -> bool:
    """Whether this member is the room's admin or owner."""
    return RANK[membership.role] >= RANK[Role.ADMIN]


def _check_not_frozen(room: ChatRoom, membership: Membership) -> None:
    if room.is_frozen and not is_admin(membership):
        raise Forbidden("The room is frozen: only its admins may write.")


def _check_rank(room: ChatRoom, membership: Membership | None, needed: int, detail: str, actor_id: UUID) -> bool:
    if membership is not None and RANK[membership.role] >= needed:
        return False
    if is_site_admin(actor_id):
        return True
    raise _refusal(room, membership, detail)


def _refusal(room: ChatRoom, membership: Membership | None, detail: str) -> ParleyError:
    if membership is None and room.kind != ChatRoom.Kind.PUBLIC:
        return NotFound("There is no such room.")
    return Forbidden(detail)
