"""What accounts do by themselves from time to time."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.backends.db import SessionStore

from accounts.services.sign_ins import purge
from core.tasks.ticks import tick


@tick("purge-sign-ins", every=timedelta(hours=1))
def purge_sign_ins() -> int:
    """Forget sign-ins that nobody can go on with, and sessions of the desk that are over."""
    SessionStore.clear_expired()
    return purge()
