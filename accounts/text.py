"""What people may call themselves and their devices, and how it is tidied."""

from __future__ import annotations

import re
import unicodedata

from accounts.models import User
from core.errors import Invalid

MAX_USERNAME = 64
MAX_DISPLAY_NAME = 100
MAX_SIGNATURE = 300
# Beside letters, marks and digits of every script.
USERNAME_SIGNS = frozenset("._-")
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
# They turn the direction of the text around them: a name must not rearrange the line it stands in.
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters and marks that nobody sees: with them two usernames could look the same.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def clean_username(value: str) -> str:
    """The username as it is kept. Raises Invalid."""
    username = User.normalize_username(value)
    if not username:
        raise Invalid("Choose a username.", attr="username")
    if len(username) > MAX_USERNAME:
        raise Invalid(f"A username has at most {MAX_USERNAME} characters.", attr="username")
    if not all(sign in USERNAME_SIGNS or _is_word(sign) for sign in username):
        raise Invalid("A username has letters and digits, and . _ - between them.", attr="username")
    if not any(unicodedata.category(sign)[0] in "LN" for sign in username):
        raise Invalid("A username has at least one letter or digit.", attr="username")
    return username


def clean_display_name(value: str) -> str:
    """The display name as it is kept. Raises Invalid."""
    return _clean_line(value, "display_name", "A display name", MAX_DISPLAY_NAME, required=True)


def clean_signature(value: str) -> str:
    """The signature as it is kept. Raises Invalid."""
    return _clean_line(value, "signature", "A signature", MAX_SIGNATURE, required=False)


def plain(value: str) -> str:
    """The text on one line, without control characters."""
    return "".join(" " if _is_control(sign) else sign for sign in value).strip()


def device_name_of(user_agent: str) -> str:
    """A device's name as far as its user agent tells: "Firefox on Linux"."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return " on ".join(part for part in (browser, system) if part)


def _clean_line(value: str, attr: str, what: str, limit: int, *, required: bool) -> str:
    text = unicodedata.normalize("NFC", value).strip()
    if any(_is_control(sign) or sign in _DIRECTION for sign in text):
        raise Invalid(f"{what} is one line of text without control characters.", attr=attr)
    if required and not any(sign.isprintable() and not sign.isspace() for sign in text):
        raise Invalid(f"{what} needs at least one character that one can see.", attr=attr)
    if len(text) > limit:
        raise Invalid(f"{what} has at most {limit} characters.", attr=attr)
    return text


def _is_word(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LMN" and _INVISIBLE.match(sign) is None


def _is_control(sign: str) -> bool:
    # Cc: control characters; Cs: halves of surrogate pairs, which are no text; Zl, Zp: line and paragraph breaks.
    return unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")
