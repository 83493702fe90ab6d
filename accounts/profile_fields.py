"""The fields of a profile: what is allowed in them."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import orjson

from accounts.text import clean_display_name, clean_signature
from core.errors import Invalid

MAX_AVATAR = 500
MAX_LOCALE = 16
MAX_PRIVACY_BYTES = 2_000
# A language tag, as far as we need it (RFC 5646: language, script, region, variants).
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def clean(name: str, value: Any) -> Any:
    """The value of a field as it is kept. Raises Invalid for a wrong value, KeyError for a wrong name."""
    return _CLEANERS[name](value)


def merge(before: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Settings after a change: given keys replace, None takes away. Raises Invalid when it grows too large."""
    after = {key: value for key, value in {**before, **change}.items() if value is not None}
    if len(orjson.dumps(after)) > MAX_PRIVACY_BYTES:
        raise Invalid(f"The privacy settings have at most {MAX_PRIVACY_BYTES} bytes.", attr="privacy")
    return after


def _clean_avatar(value: str) -> str:
    url = value.strip()
    if len(url) > MAX_AVATAR:
        raise Invalid(f"An avatar's address has at most {MAX_AVATAR} characters.", attr="avatar")
    if not url:
        return ""
    if any(sign.isspace() or not sign.isprintable() for sign in url) or not _is_picture_address(url):
        raise Invalid("An avatar is an http or https address, or a path on this server.", attr="avatar")
    return url


def _is_picture_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme in ("http", "https"):
        return bool(parts.hostname)
    # Browsers read //host and /\host as addresses of other servers.
    return not parts.scheme and url.startswith("/") and not url.startswith(("//", "/\\"))


def _clean_locale(value: str) -> str:
    if len(value) > MAX_LOCALE or _LOCALE.fullmatch(value) is None:
        raise Invalid("A locale is a language tag such as en, de-AT or zh-Hans.", attr="locale")
    return value


def _clean_timezone(value: str) -> str:
    if value not in _timezones():
        raise Invalid("A time zone has a name of the IANA list, such as Europe/Vienna.", attr="timezone")
    return value


def _clean_privacy(value: dict[str, Any]) -> dict[str, Any]:
    if not all(item is None or isinstance(item, str | bool | int) for item in value.values()):
        raise Invalid("A privacy setting is text, a number, true, false or null.", attr="privacy")
    if b"\\u0000" in orjson.dumps(value):
        raise Invalid("Privacy settings cannot hold NUL characters.", attr="privacy")
    return value


@cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


_CLEANERS: dict[str, Callable[[Any], Any]] = {
    "display_name": clean_display_name,
    "avatar": _clean_avatar,
    "signature": clean_signature,
    "locale": _clean_locale,
    "timezone": _clean_timezone,
    "privacy": _clean_privacy,
}
