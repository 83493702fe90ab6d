"""Invitations: links by which people join a room."""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from chat import permissions
from chat.models import ChatRoom, Invite, Membership, membership_id, room_stream, user_stream
from chat.payloads import InvitePayload, invite_payload
from chat.services import _acts
from core.errors import Invalid, NotFound
from core.log import executor
from core.log.writer import Act, Writer

# Seconds: a year.
MAX_EXPIRES_IN = 365 * 24 * 3600
MAX_USES = 100_000
_CODE_BYTES = 16


def create_invite(
    *, actor_id: UUID, room_id: UUID, expires_in: int | None = None, max_uses: int | None = None, reason: str = ""
) -> InvitePayload:
    """A new invitation; ``expires_in`` in seconds. Raises NotFound, Forbidden, Invalid."""
    if expires_in is not None and not 0 < expires_in <= MAX_EXPIRES_IN:
        raise Invalid(f"An invitation lasts 1 to {MAX_EXPIRES_IN} seconds.", attr="expires_in")
    if max_uses is not None and not 0 < max_uses <= MAX_USES:
        raise Invalid(f"An invitation can be used 1 to {MAX_USES} times.", attr="max_uses")

    def run(w: Writer) -> InvitePayload:
        membership = w.row(Membership, membership_id(room_id, actor_id))
        room = permissions.check_may_know(w.row(ChatRoom, room_id), membership, actor_id=actor_id)
        by_site = permissions.check_may_invite(room, membership, Membership.Role.MEMBER, actor_id=actor_id)
        if by_site:
            _acts.audit(actor_id, "room.invite", room_id, reason)
        invite = Invite(
            code=secrets.token_urlsafe(_CODE_BYTES),
            room=room,
            created_by_id=actor_id,
            created_at=w.now,
            expires_at=w.now + timedelta(seconds=expires_in) if expires_in is not None else None,
            max_uses=max_uses,
        )
        w.insert(invite)
        return invite_payload(invite)

    # The room's row is locked so that nobody deletes it meanwhile; nothing is told to anybody.
    return executor.execute(Act(run=run, rows=[(ChatRoom, room_id), (Membership, membership_id(room_id, actor_id))]))


def redeem_invite(*, user_id: UUID, code: str) -> UUID:
    """Join the room of an invitation; its id. Who is in it already uses nothing up.

    Raises NotFound for a code that is unknown, expired or used up.
    """
    # PostgreSQL takes no NUL, not even to compare with.
    known = Invite.objects.none() if "\x00" in code else Invite.objects.filter(code=code)
    room_id = known.values_list("room_id", flat=True).first()
    if room_id is None:
        raise _gone()

    def run(w: Writer) -> UUID:
        room, invite = w.row(ChatRoom, room_id), w.row(Invite, code)
        if room is None or invite is None:
            raise _gone()
        if w.row(Membership, membership_id(room_id, user_id)) is not None:
            return room.pk
        expired = invite.expires_at is not None and invite.expires_at <= w.now
        if expired or (invite.max_uses is not None and invite.uses >= invite.max_uses):
            raise _gone()
        invite.uses += 1
        w.update(invite, "uses")
        _acts.admit(w, room, _acts.person(w, user_id), Membership.Role.MEMBER)
        return room.pk

    act = Act(
        run=run,
        rows=[(ChatRoom, room_id), (Invite, code), (Membership, membership_id(room_id, user_id))],
        streams=[room_stream(room_id), user_stream(user_id)],
        lookups=[(_acts.PEOPLE, user_id)],
    )
    return executor.execute(act)


def _gone() -> NotFound:
    return NotFound("This invitation does not exist, or does no longer count.")
