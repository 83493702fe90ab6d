"""``manage.py changepassword``: Django's, and the person is signed out everywhere."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from accounts.models import User
from accounts.services.sign_ins import end_all


class Command(changepassword.Command):
    """Ask for a new password, set it, end what the old one opened."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        """As Django's; the username in any spelling."""
        options["username"] = User.normalize_username(options["username"] or getpass.getuser())
        done: str | None = super().handle(*args, **options)
        user = User.objects.filter(username=options["username"]).first()
        if user is not None:
            end_all(user.pk)
        return done
