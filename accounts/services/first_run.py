"""The first account of an empty installation: an admin, let in by a link that works once.

Whoever can read the console of the server owns it: that is all the link proves. Only its digest
is kept, and it is worth nothing as soon as there is an admin.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from django.conf import settings

from accounts.models import Role, User
from accounts.services.credentials import register_user
from core.audit.services import record
from core.errors import Forbidden
from core.log.executor import execute
from core.log.writer import Act, Writer

PATH = "/first-run"


def first_run_link(base_url: str) -> str | None:
    """A new link that makes the first admin, None when there is one already.

    A link made before stops working. ``base_url`` such as ``https://chat.example``.
    """
    if has_admin():
        _file().unlink(missing_ok=True)
        return None
    token = secrets.token_urlsafe(24)
    path = _file()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(_digest(token))
    return f"{base_url.rstrip('/')}{PATH}?token={token}"


def has_admin() -> bool:
    """Whether anybody can run this site already."""
    return User.objects.filter(role=Role.ADMIN).exists()


def check_first_run_token(token: str) -> None:
    """Raises Forbidden for a link that is wrong, old or used."""
    try:
        kept = _file().read_text()
    except FileNotFoundError:
        kept = ""
    if not kept or not hmac.compare_digest(kept, _digest(token)) or has_admin():
        raise Forbidden("This link does not work, or no longer. Start Parley again: it prints a new one.")


def create_first_admin(*, token: str, username: str, password: str, display_name: str = "") -> User:
    """The first admin, for the bearer of the link. Raises Forbidden, Invalid, Conflict."""
    check_first_run_token(token)

    def run(_w: Writer) -> User:
        user = register_user(username=username, password=password, display_name=display_name, role=Role.ADMIN)
        record(
            actor=None,
            action="user.first_admin",
            object_type="user",
            object_id=user.pk,
            reason="Made by the link that the first start prints.",
        )
        return user

    # Renaming takes the token away from all others who come with it at this moment.
    claimed = _file().with_suffix(".claimed")
    try:
        _file().rename(claimed)
    except FileNotFoundError as error:
        raise Forbidden("This link was just used.") from error
    try:
        user = execute(Act(run))
    except BaseException:
        claimed.rename(_file())
        raise
    claimed.unlink()
    return user


def _file() -> Path:
    return Path(settings.PARLEY_HOME) / "secrets" / "first-run"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
