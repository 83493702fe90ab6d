"""Sign-ins: how they begin, go on by refreshing, and end.

A sign-in that ends is out at once: its cached state is dropped everywhere, so its access tokens
stop working, and its sockets are closed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypedDict, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from rest_framework_simplejwt.settings import api_settings

from accounts import refresh_tokens
from accounts.events import DeviceChanged, SessionEnded
from accounts.models import RefreshToken, SignIn, User, user_stream
from accounts.payloads import DevicePayload, device_payload
from accounts.refresh_tokens import RefreshSecret
from accounts.services import revocation
from accounts.text import device_name_of, plain
from accounts.tokens import make_access_token
from core import clock
from core.errors import Forbidden, Invalid, NotFound, SignInEnded
from core.log.executor import execute
from core.log.writer import Act, Writer

T = TypeVar("T")

BANNED = "This account has been banned. If you think that is a mistake, ask the people who run this site."
# Ended sign-ins stay for a while: an old refresh token that comes back is still told why it is refused.
KEPT = timedelta(days=7)
PURGED_AT_ONCE = 500
MAX_DEVICE_NAME = 100
MAX_USER_AGENT = 300


class EndReason(StrEnum):
    """Why a sign-in ended."""

    SIGNED_OUT = "signed_out"
    REMOVED = "removed"
    EVERYWHERE = "everywhere"
    REUSED = "refresh_token_reused"
    BANNED = "banned"


class TokenPair(TypedDict):
    """What a client keeps."""

    access: str
    refresh: str


@dataclass(frozen=True, slots=True)
class Device:
    """What the request tells of the device; both may be empty."""

    name: str = ""
    user_agent: str = ""


UNKNOWN_DEVICE = Device()


def issue_tokens(user: User, device: Device = UNKNOWN_DEVICE) -> TokenPair:
    """Begin a sign-in. The password was checked before. Raises Forbidden for the banned."""

    def run(w: Writer) -> TokenPair:
        person = w.row(User, user.pk)
        if person is None or not person.is_active:
            raise Forbidden(BANNED)
        sign_in = SignIn.objects.create(
            user=person,
            device_name=plain(device.name)[:MAX_DEVICE_NAME] or device_name_of(device.user_agent),
            user_agent=plain(device.user_agent)[:MAX_USER_AGENT],
            created_at=w.now,
            last_seen_at=w.now,
        )
        secret = RefreshSecret(sign_in.pk, secrets.token_bytes(refresh_tokens.PART))
        _keep(w, secret)
        person.last_login = w.now
        person.save(update_fields=["last_login"])
        w.append(person.stream, DeviceChanged(device_payload(sign_in)))
        return _pair(person, secret)

    return execute(_act_on(user.pk, run))


def refresh(token: str) -> TokenPair:
    """A new pair for a refresh token. Raises SignInEnded, or Forbidden for the banned.

    The old token goes on working for ``REFRESH_GRACE`` seconds (two tabs, a lost answer) and then
    gives the pair that stands now. A use after that ends the sign-in.
    """
    secret = refresh_tokens.parse(token)
    user_id = None if secret is None else _owner(secret.sid)
    if secret is None or user_id is None:
        raise SignInEnded
    pair = execute(Act(lambda w: _rotate(w, secret), rows=[(User, user_id)]))
    if pair is None:
        end_sign_in(secret.sid, reason=EndReason.REUSED)
        raise SignInEnded("This sign-in was ended: an old refresh token was used again. Sign in anew.")
    return pair


def _rotate(w: Writer, secret: RefreshSecret) -> TokenPair | None:
    """The new pair, or None for a token that should no longer be anybody's."""
    sign_in = SignIn.objects.filter(pk=secret.sid, ended_at=None).first()
    user = None if sign_in is None else w.row(User, sign_in.user_id)
    if sign_in is None or user is None:
        raise SignInEnded
    if not user.is_active:
        raise Forbidden(BANNED)
    kept = {row.digest: row for row in sign_in.refresh_tokens.all()}
    grace_began = w.now - timedelta(seconds=settings.REFRESH_GRACE)
    row = kept.get(secret.digest)
    while row is not None and row.replaced_at is not None:
        if row.replaced_at < grace_began:
            return None
        secret = secret.successor()
        row = kept.get(secret.digest)
        if row is not None and row.replaced_at is None:
            return _pair(user, secret)
    if row is None:
        return None
    if row.expires_at <= w.now:
        raise SignInEnded
    # What nobody may use any more needs no row: its coming back is told by its MAC.
    sign_in.refresh_tokens.filter(replaced_at__lt=grace_began).delete()
    sign_in.refresh_tokens.filter(pk=row.pk).update(replaced_at=w.now)
    SignIn.objects.filter(pk=sign_in.pk).update(last_seen_at=w.now)
    secret = secret.successor()
    _keep(w, secret)
    return _pair(user, secret)


def end_sign_in(sid: UUID, *, reason: EndReason, user_id: UUID | None = None) -> None:
    """Sign one device out; nothing happens when it is out already.

    With ``user_id`` only that person's. Raises NotFound when there is no such sign-in.
    """
    owner = _owner(sid)
    if owner is None or (user_id is not None and owner != user_id):
        raise NotFound

    def run(w: Writer) -> None:
        _end(w, owner, reason, only=sid)
        revocation.end_sign_in(w, sid)

    execute(_act_on(owner, run))


def holder_of(token: str, *, live: bool) -> tuple[UUID, UUID]:
    """Whose refresh token this is: the user and the sign-in. Raises SignInEnded for anything else,
    and with ``live`` when that sign-in has ended.

    Enough to sign out with, not to go on: it may have been replaced.
    """
    secret = refresh_tokens.parse(token)
    found = secret and SignIn.objects.filter(pk=secret.sid).only("user_id", "ended_at").first()
    if not found or (live and found.ended_at is not None):
        raise SignInEnded
    return found.user_id, found.pk


def end_all(user_id: UUID, *, reason: EndReason = EndReason.EVERYWHERE) -> int:
    """Sign a person out everywhere, the admin pages included; how many devices were signed in.

    Raises NotFound when there is no such person.
    """
    return execute(_act_on(user_id, lambda w: len(end_all_within(w, user_id, reason))))


def end_all_within(w: Writer, user_id: UUID, reason: EndReason) -> list[UUID]:
    """``end_all`` inside an act that holds the user's row and stream; the sign-ins that ended."""
    user = w.row(User, user_id)
    if user is None:
        raise NotFound
    user.token_generation += 1
    user.save(update_fields=["token_generation"])
    sids = _end(w, user_id, reason)
    revocation.end_user(w, user_id, sids, banned=reason is EndReason.BANNED)
    return sids


def name_device(*, user_id: UUID, sid: UUID, name: str) -> DevicePayload:
    """Give the device of a sign-in a name of 1 to 100 characters. Raises Invalid, NotFound."""
    text = plain(name)
    if not text or len(text) > MAX_DEVICE_NAME:
        raise Invalid(f"A device's name has 1 to {MAX_DEVICE_NAME} characters.", attr="name")

    def run(w: Writer) -> DevicePayload:
        sign_in = SignIn.objects.filter(pk=sid, user_id=user_id, ended_at=None).first()
        if sign_in is None:
            raise NotFound
        sign_in.device_name = text
        sign_in.save(update_fields=["device_name"])
        payload = device_payload(sign_in)
        w.append(user_stream(user_id), DeviceChanged(payload))
        return payload

    return execute(_act_on(user_id, run))


def purge() -> int:
    """Delete the rows of sign-ins that ended, or could last be refreshed, more than ``KEPT`` ago; how many.

    Harmless at any time and any number of times: nothing that still works stands on them.
    """
    oldest = clock.now() - KEPT
    dead = Q(ended_at__lt=oldest) | Q(last_seen_at__lt=oldest - api_settings.REFRESH_TOKEN_LIFETIME)
    purged = 0
    # In small pieces, so that nobody waits long for the database's one writer.
    while sids := list(SignIn.objects.filter(dead).values_list("pk", flat=True)[:PURGED_AT_ONCE]):
        RefreshToken.objects.filter(sign_in__in=sids).delete()
        SignIn.objects.filter(pk__in=sids).delete()
        purged += len(sids)
    return purged


def _act_on(user_id: UUID, run: Callable[[Writer], T]) -> Act[T]:
    # One lock for all that is a person's: their row. Sign-ins and refresh tokens need none of their own.
    return Act(run, rows=[(User, user_id)], streams=[user_stream(user_id)])


def _end(w: Writer, user_id: UUID, reason: EndReason, *, only: UUID | None = None) -> list[UUID]:
    live = SignIn.objects.filter(user_id=user_id, ended_at=None)
    if only is not None:
        live = live.filter(pk=only)
    sids = list(live.order_by("pk").values_list("pk", flat=True))
    SignIn.objects.filter(pk__in=sids).update(ended_at=w.now, ended_reason=reason)
    RefreshToken.objects.filter(sign_in__in=sids).delete()
    for sid in sids:
        w.append(user_stream(user_id), SessionEnded(device_id=str(sid), reason=reason))
    return sids


def _owner(sid: UUID) -> UUID | None:
    return SignIn.objects.filter(pk=sid).values_list("user_id", flat=True).first()


def _keep(w: Writer, secret: RefreshSecret) -> None:
    expires_at = w.now + api_settings.REFRESH_TOKEN_LIFETIME
    RefreshToken.objects.create(digest=secret.digest, sign_in_id=secret.sid, issued_at=w.now, expires_at=expires_at)


def _pair(user: User, secret: RefreshSecret) -> TokenPair:
    access = make_access_token(user_id=user.pk, sid=secret.sid, gen=user.token_generation)
    return {"access": access, "refresh": secret.token}
