"""What people are here: roles, partners, bans. Each act has an actor, a reason and an audit entry."""

from __future__ import annotations

from uuid import UUID

from accounts.models import Partner, Role, User, user_stream
from accounts.permissions import check_can_moderate, check_is_admin
from accounts.services import revocation
from accounts.services.sign_ins import EndReason, end_all_within
from core.audit.services import clean_reason, record
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.log.executor import execute
from core.log.rows import RowKey
from core.log.writer import Act, Writer

USER = "user"


def change_role(*, actor: User, user_id: UUID, role: str, reason: str) -> None:
    """Make somebody a user, partner, moderator or admin; for admins of the site.

    Raises Forbidden, Invalid, NotFound, and Conflict where no admin would be left.
    """
    if role not in Role.values:
        raise Invalid(f"A role is one of {', '.join(Role.values)}.", attr="role")
    clean_reason(reason)
    # All admins are locked: of two who step down at one moment the second must see the first gone.
    admins = set(User.objects.filter(role=Role.ADMIN).values_list("pk", flat=True))

    def run(w: Writer) -> None:
        user, acting = _both(w, user_id, actor)
        check_is_admin(acting)
        if user.role == role:
            return
        if user.role == Role.ADMIN and not _others(admins - {user_id}):
            raise Conflict("This is the last admin. Make somebody else an admin first.", attr="role")
        record(
            actor=actor,
            action="user.role",
            object_type=USER,
            object_id=user_id,
            reason=reason,
            data={"from": user.role, "to": role},
        )
        user.role = Role(role)
        user.is_superuser = role == Role.ADMIN
        user.save(update_fields=["role", "is_superuser", "last_updated_at"])
        revocation.forget_role(w, user_id)

    execute(Act(run, rows=_people(user_id, actor.pk, *admins)))


def set_partner_state(*, actor: User, user_id: UUID, state: str, reason: str) -> None:
    """Make somebody a pending, active or suspended partner; for admins of the site.

    Raises Forbidden, Invalid, NotFound.
    """
    if state not in Partner.State.values:
        raise Invalid(f"A partner is one of {', '.join(Partner.State.values)}.", attr="state")
    clean_reason(reason)

    def run(w: Writer) -> None:
        _, acting = _both(w, user_id, actor)
        check_is_admin(acting)
        before = Partner.objects.filter(pk=user_id).values_list("state", flat=True).first()
        if before == state:
            return
        Partner.objects.update_or_create(pk=user_id, defaults={"state": state})
        record(
            actor=actor,
            action="user.partner",
            object_type=USER,
            object_id=user_id,
            reason=reason,
            data={"from": before, "to": state},
        )
        revocation.forget_partner_state(w, user_id)

    execute(Act(run, rows=_people(user_id, actor.pk)))


def ban_user(*, actor: User, user_id: UUID, reason: str) -> None:
    """Shut somebody out, at once and everywhere: tokens, sockets, admin pages.

    Raises Forbidden, Invalid, NotFound; nothing happens to who is banned already.
    """
    clean_reason(reason)

    def run(w: Writer) -> None:
        user, acting = _both(w, user_id, actor)
        check_can_moderate(acting, user)
        if user.banned_at is not None:
            return
        user.banned_at = w.now
        user.ban_reason = clean_reason(reason)
        user.save(update_fields=["banned_at", "ban_reason", "last_updated_at"])
        sids = end_all_within(w, user_id, EndReason.BANNED)
        record(
            actor=actor,
            action="user.ban",
            object_type=USER,
            object_id=user_id,
            reason=reason,
            data={"devices": len(sids)},
        )

    execute(Act(run, rows=_people(user_id, actor.pk), streams=[user_stream(user_id)]))


def unban_user(*, actor: User, user_id: UUID, reason: str) -> None:
    """Let somebody in again. Raises Forbidden, Invalid, NotFound."""
    clean_reason(reason)

    def run(w: Writer) -> None:
        user, acting = _both(w, user_id, actor)
        check_can_moderate(acting, user)
        if user.banned_at is None:
            return
        user.banned_at = None
        user.ban_reason = ""
        user.save(update_fields=["banned_at", "ban_reason", "last_updated_at"])
        record(actor=actor, action="user.unban", object_type=USER, object_id=user_id, reason=reason)
        revocation.forget_generation(w, user_id)

    execute(Act(run, rows=_people(user_id, actor.pk)))


def sign_out_user(*, actor: User, user_id: UUID, reason: str) -> None:
    """Sign somebody out everywhere (a lost telephone). Raises Forbidden, Invalid, NotFound."""
    clean_reason(reason)

    def run(w: Writer) -> None:
        user, acting = _both(w, user_id, actor)
        check_can_moderate(acting, user)
        sids = end_all_within(w, user_id, EndReason.EVERYWHERE)
        record(
            actor=actor,
            action="user.sign_out",
            object_type=USER,
            object_id=user_id,
            reason=reason,
            data={"devices": len(sids)},
        )

    execute(Act(run, rows=_people(user_id, actor.pk), streams=[user_stream(user_id)]))


def _people(*user_ids: UUID) -> list[RowKey]:
    return [(User, user_id) for user_id in dict.fromkeys(user_ids)]


def _both(w: Writer, user_id: UUID, actor: User) -> tuple[User, User]:
    """The target and the actor as they are now, not as the request found them."""
    user = w.row(User, user_id)
    if user is None:
        raise NotFound
    acting = w.row(User, actor.pk)
    if acting is None:
        raise Forbidden
    return user, acting


def _others(admins: set[UUID]) -> bool:
    return User.objects.filter(pk__in=admins, role=Role.ADMIN, banned_at=None).exists()
