"""Doors: register, sign in, refresh, sign out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT
from rest_framework.views import APIView

from accounts.api import browser
from accounts.api.serializers import Credentials, LogoutBody, RefreshBody, Registration, SignedIn
from accounts.attempts import forgive_attempts, limit_attempts
from accounts.authentication import TokenAuthentication
from accounts.models import User
from accounts.payloads import account_payload
from accounts.services import credentials, sign_ins
from accounts.services.sign_ins import EndReason, TokenPair
from core.errors import InvalidToken, NotAuthenticated
from core.rest import validated
from core.schema import shape

CLIENT = OpenApiParameter(
    browser.HEADER,
    str,
    OpenApiParameter.HEADER,
    enum=[browser.BROWSER],
    description="Browsers: the refresh token then is an HttpOnly cookie and not in the body.",
)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library's own hook
    """What OpenAPI says of our authentication (it registers itself by being imported)."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """``Authorization: Bearer``."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class OpenView(APIView):
    """A door for who is not signed in yet."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        """A 401 here asks for a token like every other."""
        return TokenAuthentication().authenticate_header(request)


class RegisterView(OpenView):
    """A new account."""

    @extend_schema(
        operation_id="auth_register", parameters=[CLIENT], request=Registration, responses={201: shape(SignedIn)}
    )
    def post(self, request: Request) -> Response:
        """Make an account and sign in with it."""
        credentials.check_registration_open()
        body = validated(Registration, request)
        user = credentials.prepare_user(body["username"], body["password"], body.get("display_name", ""))
        limit_attempts(request, "register", user.username)
        credentials.save_new_user(user, body["password"])
        return _signed_in(request, user, HTTP_201_CREATED)


class TokenView(OpenView):
    """Sign in."""

    @extend_schema(
        operation_id="auth_token", parameters=[CLIENT], request=Credentials, responses={200: shape(SignedIn)}
    )
    def post(self, request: Request) -> Response:
        """Sign in with username and password."""
        body = validated(Credentials, request)
        name = User.normalize_username(body["username"])
        limit_attempts(request, "sign_in", name)
        user = credentials.check_credentials(username=body["username"], password=body["password"])
        forgive_attempts(request, name)
        return _signed_in(request, user, HTTP_200_OK)


class RefreshView(OpenView):
    """Go on."""

    @extend_schema(
        operation_id="auth_token_refresh", parameters=[CLIENT], request=RefreshBody, responses={200: shape(TokenPair)}
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair. The old one works for 30 s more."""
        token = browser.refresh_token_of(request, validated(RefreshBody, request))
        try:
            pair = sign_ins.refresh(token)
        except APIException as error:
            return browser.forget_cookie(request, self.handle_exception(error))
        return browser.answer(request, pair, HTTP_200_OK)


class LogoutView(OpenView):
    """Sign out."""

    @extend_schema(operation_id="auth_logout", parameters=[CLIENT], request=LogoutBody, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out this device (by its refresh token, or else its access token), or all of them."""
        body = validated(LogoutBody, request)
        token = browser.refresh_token_of(request, body)
        try:
            _sign_out(request, token, everywhere=body["everywhere"])
        except InvalidToken as error:
            return browser.forget_cookie(request, self.handle_exception(error))
        return browser.forget_cookie(request, Response(status=HTTP_204_NO_CONTENT))


def _sign_out(request: Request, token: str, *, everywhere: bool) -> None:
    if token:
        user_id, sid = sign_ins.holder_of(token, live=everywhere)
    else:
        found = TokenAuthentication().authenticate(request)
        if found is None:
            raise NotAuthenticated
        user_id, sid = found[1].user_id, found[1].sid
    if everywhere:
        sign_ins.end_all(user_id)
    else:
        sign_ins.end_sign_in(sid, reason=EndReason.SIGNED_OUT)


def _signed_in(request: Request, user: User, status: int) -> Response:
    pair = sign_ins.issue_tokens(user, browser.device_of(request))
    return browser.answer(request, pair, status, user=account_payload(user))
