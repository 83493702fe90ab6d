"""What moderators and admins of the site may do to people."""

from __future__ import annotations

from accounts.models import Role, User
from core.errors import Forbidden

STAFF = (Role.MODERATOR, Role.ADMIN)


def is_admin(user: User) -> bool:
    """Whether this person does everything here."""
    return user.is_active and user.role == Role.ADMIN


def is_staff(user: User) -> bool:
    """Whether this person moderates the site."""
    return user.is_active and user.role in STAFF


def can_moderate(actor: User, target: User) -> bool:
    """Whether ``actor`` may ban ``target`` or sign them out: moderators ordinary people, admins
    everyone but themselves."""
    if actor.pk == target.pk or not is_staff(actor):
        return False
    return is_admin(actor) or target.role not in STAFF


def check_can_moderate(actor: User, target: User) -> None:
    """Raises Forbidden."""
    if not can_moderate(actor, target):
        raise Forbidden("Moderators act on ordinary people, admins on everyone but themselves.")


def check_is_admin(actor: User) -> None:
    """Raises Forbidden."""
    if not is_admin(actor):
        raise Forbidden("Only an admin of this site may do this.")
