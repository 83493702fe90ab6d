"""Who may open a socket at all: the page it comes from, and what it shows for itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

SUBPROTOCOL = "phoenix"
_TOKEN_PROTOCOL = "base64url.bearer.phx."  # noqa: S105 - a prefix, no secret
_BEARER = "bearer "
_MAX_PARAMETERS = 20


def headers_of(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a scope; of one that comes twice the first counts."""
    found: dict[str, str] = {}
    for name, value in raw:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def origin_is_allowed(headers: Mapping[str, str]) -> bool:
    """Whether the page (if a page it is) may use our sockets: our own, or one that settings name.

    Clients that are no browsers send no origin and pass; what they may do depends on their token.
    """
    origin = headers.get("origin")
    if origin is None:
        return True
    if origin in settings.PARLEY_ALLOWED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    host = headers.get("host", "").lower()
    if parts.scheme not in ("http", "https") or parts.netloc.lower() != host:
        return False
    # A name that an attacker points at this machine makes his page and our server one origin.
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


def query_of(raw: bytes) -> dict[str, str]:
    """The parameters of a query string; of one that comes twice the first counts."""
    try:
        parsed = parse_qs(raw.decode("latin-1"), max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in parsed.items()}


def token_of(headers: Mapping[str, str], query: Mapping[str, str], subprotocols: list[str]) -> str | None:
    """The access token that a connection brings, from the safest place that has one."""
    for protocol in subprotocols:
        if protocol.startswith(_TOKEN_PROTOCOL):
            return _decoded(protocol.removeprefix(_TOKEN_PROTOCOL))
    authorization = headers.get("authorization", "")
    if authorization.lower().startswith(_BEARER):
        return authorization[len(_BEARER) :].strip()
    return headers.get("x-api-key") or query.get("token") or query.get("apikey")


def _decoded(text: str) -> str | None:
    padded = text + "=" * (-len(text) % 4)
    try:
        # Browsers' btoa writes the other alphabet of the two, and some clients leave it so.
        return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
