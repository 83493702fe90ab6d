"""Pages that are not the API: the shell of the app, the doors to it, what the browser asks for beside."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.forms import Form
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts.api import browser
from accounts.attempts import forgive_attempts, limit_attempts
from accounts.models import User
from accounts.services import credentials, first_run, sign_ins
from config import modules
from config.csp import NONCE
from config.forms import AccountForm, SignInForm
from core.errors import Forbidden, InternalError, Invalid, NotFound, ParleyError, RateLimited, error_body

# Why somebody stands at the sign-in page who did not ask for it.
NOTES = {
    "session_ended": "You were signed out. Sign in to go on.",
    "banned": "This account was banned. If you think that is a mistake, ask the people who run this site.",
    "signed_out": "You are signed out.",
}
page = require_http_methods(["GET", "HEAD", "POST"])


@require_GET
def shell(request: HttpRequest, **_path: Any) -> HttpResponse:
    """The app's page: the same for everybody and for every address inside the app."""
    context = {
        "nonce": getattr(request, NONCE),
        "import_map": modules.import_map(),
        "preloads": modules.preloads(),
        "entry": modules.ENTRY,
    }
    response = render(request, "shell.html", context)
    # The nonce is for one answer; a page from a cache would carry an old one.
    response["Cache-Control"] = "no-store"
    return response


@require_GET
def manifest(request: HttpRequest) -> HttpResponse:
    """How the app looks when it is installed."""
    body = {
        "name": "Parley",
        "short_name": "Parley",
        "start_url": "/",
        "display": "standalone",
        "background_color": "#f5f2ea",
        "theme_color": "#14695c",
        "icons": [
            {"src": static("icons/parley.svg"), "sizes": "any", "type": "image/svg+xml"},
            {"src": static("icons/parley-192.png"), "sizes": "192x192", "type": "image/png"},
            {"src": static("icons/parley-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "any maskable"},
        ],
    }
    return JsonResponse(body, content_type="application/manifest+json")


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it by this name where a page names none."""
    return HttpResponsePermanentRedirect(static("icons/parley.svg"))


@never_cache
@page
@csrf_protect
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page: ends with the cookie that the app starts with."""
    form = SignInForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        username, password = form.cleaned_data["username"], form.cleaned_data["password"]
        try:
            name = User.normalize_username(username)
            limit_attempts(request, "sign_in", name)
            user = credentials.check_credentials(username=username, password=password)
            forgive_attempts(request, name)
            return _enter(request, user)
        except ParleyError as error:
            _show(form, error)
    note = NOTES.get(request.GET.get("reason", ""), "")
    return _page(request, "signin.html", form, note=note, registration_open=settings.PARLEY_REGISTRATION_OPEN)


@never_cache
@page
@csrf_protect
@sensitive_post_parameters("password")
def register(request: HttpRequest) -> HttpResponse:
    """A new account, signed in at once."""
    try:
        credentials.check_registration_open()
    except Forbidden:
        return render(request, "register_closed.html", status=403)
    form = AccountForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        fields = form.cleaned_data
        try:
            user = credentials.prepare_user(fields["username"], fields["password"], fields["display_name"])
            limit_attempts(request, "register", user.username)
            return _enter(request, credentials.save_new_user(user, fields["password"]))
        except ParleyError as error:
            _show(form, error)
    return _page(request, "register.html", form)


@never_cache
@page
@csrf_protect
@sensitive_post_parameters("password")
def first_account(request: HttpRequest) -> HttpResponse:
    """The first admin of an empty installation, for the bearer of the link on its console."""
    token = request.GET.get("token", "")
    try:
        first_run.check_first_run_token(token)
    except Forbidden as error:
        return _error(request, 403, "This link does not work", str(error))
    form = AccountForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return _enter(request, first_run.create_first_admin(token=token, **form.cleaned_data))
        except ParleyError as error:
            _show(form, error)
    return _page(request, "first_run.html", form)


def _enter(request: HttpRequest, user: User) -> HttpResponse:
    """Begin a sign-in on this browser and go where one was going."""
    pair = sign_ins.issue_tokens(user, browser.device_of(request))
    response = HttpResponseRedirect(_next(request))
    browser.keep_refresh_token(request, response, pair["refresh"])
    return response


def _next(request: HttpRequest) -> str:
    """The path to go to after the door; of this site, whatever the query says."""
    wanted = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if safe else "/"


def _show(form: Form, error: ParleyError) -> None:
    """Put what went wrong where it belongs: at the field, or over the form."""
    text = str(error.detail)
    if isinstance(error, RateLimited):
        text = f"Too many attempts. Try again in {error.wait} seconds."
    form.add_error(error.attr if error.attr in form.fields else None, text)


def _page(request: HttpRequest, template: str, form: Form, **context: Any) -> HttpResponse:
    wanted = _next(request)
    query = "" if wanted == "/" else f"?{urlencode({'next': wanted})}"
    return render(request, template, {"form": form, "query": query, **context}, status=400 if form.errors else 200)


def _error(request: HttpRequest, status: int, heading: str, text: str) -> HttpResponse:
    return render(request, "error.html", {"heading": heading, "text": text}, status=status)


def _wants_page(request: HttpRequest) -> bool:
    """Whether somebody looks at the answer; programs get the one shape of errors."""
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


def _error_body(error: ParleyError) -> HttpResponse:
    return JsonResponse(error_body(error), status=error.status_code)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that no server could answer."""
    if not _wants_page(request):
        return _error_body(Invalid())
    return _error(request, 400, "The request could not be read", "Go back and try again.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Not for this person."""
    if not _wants_page(request):
        return _error_body(Forbidden())
    return _error(request, 403, "This is not for you", "Ask the people who run this site if you think it should be.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such page."""
    if not _wants_page(request):
        return _error_body(NotFound())
    return _error(request, 404, "There is no such page", "The address is wrong, or what was there is gone.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was too old, or came from elsewhere."""
    if not _wants_page(request):
        return _error_body(Forbidden("The form's token is missing or wrong. Load the page again."))
    text = "The page was open for too long, or cookies are blocked. Load the page again, then send it once more."
    return _error(request, 403, "This form could not be accepted", text)


def server_error(request: HttpRequest) -> HttpResponse:
    """A mistake of ours."""
    if not _wants_page(request):
        return _error_body(InternalError())
    return _error(request, 500, "Something went wrong on the server", "It was logged. Try again in a moment.")
