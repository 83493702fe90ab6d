"""Access tokens: signed, short-lived, and checked at every use without asking the database.

A token says who (``sub``), by which sign-in (``sid``) and of which generation (``gen``). The
signature is verified once per process and token; whether the sign-in still stands and the
generation is still the current one is asked of the cache at every use, and where the cache does
not know, of the database. Nothing ever means "allow" by its absence.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import SignIn, User
from core import cache
from core.cache_keys import AUTH_GENERATION, AUTH_SIGN_IN
from core.errors import InvalidToken

# Longer than any token of ours; nobody's megabyte gets hashed and decoded.
MAX_TOKEN_LENGTH = 2048
# Tokens whose signature this process remembers to have verified (some 300 bytes each).
MAX_REMEMBERED = 20_000

# What the cache says of a generation that no token has, and of a sign-in's state.
NOBODY = b"0"
LIVE = b"1"
ENDED = b"0"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a good access token stands for. ``exp`` in Unix seconds."""

    user_id: UUID
    sid: UUID
    gen: int
    exp: int


class _Remembered:
    """The tokens that were verified lately, by the digest of their text; the oldest go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._principals: OrderedDict[bytes, Principal] = OrderedDict()

    def get(self, digest: bytes) -> Principal | None:
        with self._lock:
            principal = self._principals.get(digest)
            if principal is not None:
                self._principals.move_to_end(digest)
            return principal

    def put(self, digest: bytes, principal: Principal) -> None:
        with self._lock:
            self._principals[digest] = principal
            while len(self._principals) > self._size:
                self._principals.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._principals.clear()


_remembered = _Remembered(MAX_REMEMBERED)


def make_access_token(*, user_id: UUID, sid: UUID, gen: int) -> str:
    """A new access token; it lives as long as ``SIMPLE_JWT`` says."""
    token = AccessToken()
    token["sub"] = str(user_id)
    token["sid"] = str(sid)
    token["gen"] = gen
    return str(token)


def authenticate_token(raw: str) -> Principal:
    """Whom this access token stands for, now. Raises InvalidToken.

    No query when the caches are warm; with Redis away the database is asked.
    """
    principal = read_token(raw)
    check_principal(principal)
    return principal


async def aauthenticate_token(raw: str) -> Principal:
    """``authenticate_token`` for coroutines: answered on the loop when this process knows."""
    principal = read_token(raw)
    generation = await cache.aget_or_load(
        _generation_key(principal.user_id),
        AUTH_GENERATION,
        lambda: cache.run_in_thread(_load_generation, principal.user_id),
    )
    sign_in = await cache.aget_or_load(
        _sign_in_key(principal.sid), AUTH_SIGN_IN, lambda: cache.run_in_thread(_load_sign_in, principal.sid)
    )
    _judge(principal, generation, sign_in)
    return principal


def check_principal(principal: Principal) -> None:
    """Whether the sign-in still stands and nobody was signed out since. Raises InvalidToken."""
    generation = cache.get_or_load(
        _generation_key(principal.user_id), AUTH_GENERATION, lambda: _load_generation(principal.user_id)
    )
    sign_in = cache.get_or_load(_sign_in_key(principal.sid), AUTH_SIGN_IN, lambda: _load_sign_in(principal.sid))
    _judge(principal, generation, sign_in)


def read_token(raw: str) -> Principal:
    """What the token says, if its signature is ours and its time is not over. Raises InvalidToken."""
    if not raw or len(raw) > MAX_TOKEN_LENGTH:
        raise InvalidToken
    digest = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).digest()
    principal = _remembered.get(digest)
    if principal is None:
        principal = _decode(raw)
        _remembered.put(digest, principal)
    if principal.exp <= time.time():
        raise InvalidToken
    return principal


def forget_read_tokens() -> None:
    """Verify every signature anew from now on (the signing key was changed)."""
    _remembered.clear()


def _decode(raw: str) -> Principal:
    try:
        claims = AccessToken(raw).payload  # type: ignore[arg-type]  # the library means text here
        return Principal(UUID(claims["sub"]), UUID(claims["sid"]), int(claims["gen"]), int(claims["exp"]))
    except (TokenError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken from error


def _judge(principal: Principal, generation: bytes, sign_in: bytes) -> None:
    if generation != b"%d" % principal.gen or sign_in != LIVE:
        raise InvalidToken


# To put ids into texts takes longer than all else that a warm answer needs.
@lru_cache(maxsize=MAX_REMEMBERED)
def _generation_key(user_id: UUID) -> str:
    return AUTH_GENERATION.of(user_id=user_id)


@lru_cache(maxsize=MAX_REMEMBERED)
def _sign_in_key(sid: UUID) -> str:
    return AUTH_SIGN_IN.of(sid=sid)


def _load_generation(user_id: UUID) -> bytes:
    query = User.objects.filter(pk=user_id, banned_at=None)
    generation = query.values_list("token_generation", flat=True).first()
    return NOBODY if generation is None else b"%d" % generation


def _load_sign_in(sid: UUID) -> bytes:
    return LIVE if SignIn.objects.filter(pk=sid, ended_at=None).exists() else ENDED
