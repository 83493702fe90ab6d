"""How DRF learns who asks: a bearer token, judged without a query."""

from __future__ import annotations

from functools import cached_property
from uuid import UUID

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts.selectors import get_role
from accounts.tokens import Principal, authenticate_token
from core.errors import InvalidToken, NotAuthenticated

SCHEME = "Bearer"


class TokenUser:
    """Who asks, as far as the token tells: no row was read."""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, principal: Principal) -> None:
        self.id: UUID = principal.user_id
        self.pk: UUID = principal.user_id

    def __str__(self) -> str:
        return str(self.id)

    @cached_property
    def role(self) -> str:
        """What this person is here, from the cache."""
        return get_role(self.id)


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer <access token>``."""

    def authenticate(self, request: Request) -> tuple[TokenUser, Principal] | None:
        """The user and their principal, None without a bearer token. Raises InvalidToken."""
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != SCHEME.lower().encode():
            return None
        if len(words) != 2:
            raise InvalidToken("Send the token as 'Authorization: Bearer <token>', with one space.")
        principal = authenticate_token(words[1].decode("latin-1"))
        return TokenUser(principal), principal

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return SCHEME


def caller(request: Request) -> TokenUser:
    """Who asks, in a view that asks for a token."""
    user: object = request.user
    if not isinstance(user, TokenUser):
        raise NotAuthenticated
    return user


def caller_principal(request: Request) -> Principal:
    """What the caller's token says."""
    if not isinstance(request.auth, Principal):
        raise NotAuthenticated
    return request.auth
