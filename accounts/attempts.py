"""How often one may try to sign in or register: per address, and per username."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.request import Request

from core import ratelimit


def limit_attempts(request: HttpRequest | Request, name: str, username: str) -> None:
    """Count an attempt under the limit ``name``, per address and per username. Raises RateLimited."""
    address = request.META.get("REMOTE_ADDR", "")
    loopback = ratelimit.is_loopback(address)
    ratelimit.check(name, ratelimit.address_key(address), loopback=loopback)
    ratelimit.check(name, _name_key(username), loopback=loopback)


def forgive_attempts(request: HttpRequest | Request, username: str) -> None:
    """A right password: the wrong ones before it are forgotten for the name, and this attempt for the
    address. So a whole school behind one address signs in, and who guesses is still stopped."""
    ratelimit.forgive("sign_in", _name_key(username))
    ratelimit.refund("sign_in", ratelimit.address_key(request.META.get("REMOTE_ADDR", "")))


def _name_key(username: str) -> str:
    return f"name:{username}"
