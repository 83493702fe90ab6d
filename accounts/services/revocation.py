"""What follows the commit of an act that takes something from somebody: nobody goes on as before.

First the caches that the token path reads, then the sockets; both reach every process.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from core import cache
from core.cache_keys import AUTH_GENERATION, AUTH_SIGN_IN, USER_PARTNER, USER_ROLE
from core.log.announce import Pipeline
from core.log.writer import Writer
from realtime import control
from realtime.close_codes import CloseCode


def end_sign_in(w: Writer, sid: UUID) -> None:
    """One sign-in's tokens and sockets."""

    def hook(pipe: Pipeline) -> None:
        cache.invalidate(AUTH_SIGN_IN.of(sid=sid), pipe=pipe)
        control.end_sign_in(sid, pipe=pipe)

    w.on_commit(hook, key=("end_sign_in", sid))


def end_user(w: Writer, user_id: UUID, sids: Iterable[UUID], *, banned: bool) -> None:
    """All of a person's tokens and sockets."""
    code = CloseCode.BANNED if banned else CloseCode.TOKEN_REVOKED
    keys = [AUTH_GENERATION.of(user_id=user_id), *(AUTH_SIGN_IN.of(sid=sid) for sid in sids)]

    def hook(pipe: Pipeline) -> None:
        cache.invalidate(*keys, pipe=pipe)
        control.end_user(user_id, code, pipe=pipe)

    w.on_commit(hook, key=("end_user", user_id, code))


def forget_generation(w: Writer, user_id: UUID) -> None:
    """The cached generation (an unbanned person may come in again)."""
    _forget(w, AUTH_GENERATION.of(user_id=user_id))


def forget_role(w: Writer, user_id: UUID) -> None:
    """The cached role."""
    _forget(w, USER_ROLE.of(user_id=user_id))


def forget_partner_state(w: Writer, user_id: UUID) -> None:
    """The cached standing as a partner."""
    _forget(w, USER_PARTNER.of(user_id=user_id))


def _forget(w: Writer, key: str) -> None:
    w.on_commit(lambda pipe: cache.invalidate(key, pipe=pipe), key=("forget", key))
