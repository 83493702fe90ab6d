"""Who somebody is: new accounts, and passwords."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Role, User, user_stream
from accounts.permissions import check_is_admin
from accounts.services.sign_ins import BANNED, EndReason, end_all_within
from accounts.text import clean_display_name, clean_username
from core.audit.services import clean_reason, record
from core.errors import Conflict, Forbidden, Invalid, NotFound, WrongCredentials
from core.log.executor import execute
from core.log.writer import Act, Writer

MAX_PASSWORD = 1000


def register_user(*, username: str, password: str, display_name: str = "", role: Role = Role.USER) -> User:
    """A new account. Raises Invalid (with the field) and Conflict when the name is taken.

    Whether registration is open is for the door to ask (``check_registration_open``): the demo's
    people and the first admin come in all the same.
    """
    return save_new_user(prepare_user(username, password, display_name, role), password)


def prepare_user(username: str, password: str, display_name: str = "", role: Role = Role.USER) -> User:
    """The account that ``save_new_user`` would make; nothing is written. Raises Invalid."""
    name = clean_username(username)
    user = User(
        username=name,
        display_name=clean_display_name(display_name or username),
        role=role,
        is_superuser=role == Role.ADMIN,
    )
    check_password_is_good(password, user)
    return user


def save_new_user(user: User, password: str) -> User:
    """Write what ``prepare_user`` made. Raises Conflict when the name is taken."""
    if User.objects.filter(username=user.username).exists():
        raise _taken()
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise _taken() from error
    return user


def check_registration_open() -> None:
    """Raises Forbidden when new people cannot register themselves."""
    if not settings.PARLEY_REGISTRATION_OPEN:
        raise Forbidden("Registration is closed here. Ask the people who run this site for an account.")


def check_credentials(*, username: str, password: str) -> User:
    """Whose username and password these are. Raises WrongCredentials, and Forbidden for the banned.

    An unknown name takes as long as a wrong password, and that somebody is banned is told only to
    who knows their password.
    """
    user = _find(username)
    if len(password) > MAX_PASSWORD:
        raise WrongCredentials
    if user is None:
        make_password(password)
        raise WrongCredentials
    if not user.check_password(password):
        raise WrongCredentials
    if not user.is_active:
        raise Forbidden(BANNED)
    return user


def _find(username: str) -> User | None:
    try:
        name = clean_username(username)
    except Invalid:
        return None
    return User.objects.filter(username=name).first()


def check_password_is_good(password: str, user: User) -> None:
    """Raises Invalid with all that is wrong with it."""
    if len(password) > MAX_PASSWORD:
        raise Invalid(f"A password has at most {MAX_PASSWORD} characters.", attr="password")
    if "\x00" in password:
        raise Invalid("A password cannot hold NUL characters.", attr="password")
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), attr="password") from error


def set_password(*, actor: User, user_id: UUID, password: str, reason: str) -> None:
    """Give somebody who forgot theirs a new password, and sign them out everywhere; for admins.

    Raises Forbidden, Invalid, NotFound.
    """
    clean_reason(reason)
    target = User.objects.filter(pk=user_id).first()
    if target is None:
        raise NotFound
    check_password_is_good(password, target)
    # Hashing takes its time: it is done before anything is locked.
    hashed = make_password(password)

    def run(w: Writer) -> None:
        user, acting = w.row(User, user_id), w.row(User, actor.pk)
        if user is None:
            raise NotFound
        if acting is None:
            raise Forbidden
        check_is_admin(acting)
        user.password = hashed
        user.save(update_fields=["password"])
        sids = end_all_within(w, user_id, EndReason.EVERYWHERE)
        record(
            actor=actor,
            action="user.password",
            object_type="user",
            object_id=user_id,
            reason=reason,
            data={"devices": len(sids)},
        )

    rows = [(User, pk) for pk in dict.fromkeys((user_id, actor.pk))]
    execute(Act(run, rows=rows, streams=[user_stream(user_id)]))


def change_own_password(*, user_id: UUID, password: str) -> User:
    """A new password of one's own; every device is signed out, the admin pages too. The user as they
    are now. The old password was checked before. Raises Invalid, NotFound."""
    found = User.objects.filter(pk=user_id).first()
    if found is None:
        raise NotFound
    check_password_is_good(password, found)
    hashed = make_password(password)

    def run(w: Writer) -> User:
        user = w.row(User, user_id)
        if user is None:
            raise NotFound
        user.password = hashed
        user.save(update_fields=["password"])
        end_all_within(w, user_id, EndReason.EVERYWHERE)
        return user

    return execute(Act(run, rows=[(User, user_id)], streams=[user_stream(user_id)]))


def _taken() -> Conflict:
    return Conflict("This username is taken. Choose another.", attr="username")
