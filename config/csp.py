"""The Content-Security-Policy of every page.

The app's pages run scripts of this site only, and one inline import map that carries the answer's
nonce. The admin and the API docs bring their own inline code, so they have policies of their own;
everything else (the API above all) may load nothing at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
NONCE = "csp_nonce"

_PAGE = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; media-src 'self' blob:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html"
)
# Alpine, which the admin's theme runs on, evaluates the expressions in its attributes.
_ADMIN = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_DOCS = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"


class ContentSecurityPolicyMiddleware:
    """Gives each request a nonce (``request.csp_nonce``) and each answer its policy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = secrets.token_urlsafe(16)
        setattr(request, NONCE, nonce)
        response = self.get_response(request)
        if HEADER not in response:
            response[HEADER] = policy(request.path, response.get("Content-Type", ""), nonce)
        return response


def policy(path: str, content_type: str, nonce: str) -> str:
    """The policy of an answer."""
    if not content_type.startswith("text/html"):
        return _NOTHING
    if path.startswith("/admin"):
        return _ADMIN
    if path.startswith("/api/docs"):
        return _DOCS
    return _PAGE.format(nonce=nonce)
