"""Browsers: the refresh token is a cookie that no script can read.

It counts only together with the header ``X-Parley-Client: browser``, which another site's page
cannot send: nobody can be signed out, or in, by a link or a form elsewhere.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.settings import api_settings

from accounts.services.sign_ins import Device, TokenPair

HEADER = "X-Parley-Client"
BROWSER = "browser"
COOKIE = "parley_refresh"
COOKIE_PATH = "/api/v1/auth/"


def is_browser(request: Request) -> bool:
    """Whether the client wants its refresh token kept by the browser."""
    return bool(request.headers.get(HEADER, "").lower() == BROWSER)


def refresh_token_of(request: Request, body: dict[str, Any]) -> str:
    """The refresh token of the body, or of a browser's cookie; empty without either."""
    token = body.get("refresh", "")
    if not token and is_browser(request):
        token = request.COOKIES.get(COOKIE, "")
    return str(token)


def answer(request: Request, pair: TokenPair, status: int, **more: Any) -> Response:
    """The answer that hands out tokens, in the way that fits the client."""
    body: dict[str, Any] = {"access": pair["access"], **more}
    if not is_browser(request):
        body["refresh"] = pair["refresh"]
    response = Response(body, status=status, headers={"Cache-Control": "no-store"})
    if is_browser(request):
        keep_refresh_token(request, response, pair["refresh"])
    return response


def keep_refresh_token(request: HttpRequest | Request, response: HttpResponseBase, refresh: str) -> None:
    """Have the browser keep it: no script reads it, and it goes to ``auth/*`` alone."""
    response.set_cookie(
        COOKIE,
        refresh,
        max_age=api_settings.REFRESH_TOKEN_LIFETIME,
        path=COOKIE_PATH,
        secure=request.is_secure() or settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def forget_cookie(request: Request, response: Response) -> Response:
    """Have the browser drop its refresh token, if it has one."""
    if is_browser(request) and COOKIE in request.COOKIES:
        response.delete_cookie(COOKIE, path=COOKIE_PATH, samesite="Strict")
    return response


def device_of(request: HttpRequest | Request) -> Device:
    """What the request tells of the device."""
    return Device(user_agent=request.headers.get("User-Agent", ""))
