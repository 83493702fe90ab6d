"""What a refresh token is: a chain of secrets, each made from the one before.

A token is ``sign-in (16 bytes) | nonce (16) | MAC (16)``. The MAC makes every token of ours known
as such for ever, so a row is kept only for those that may still be used: a token that is
genuine and has no row was used long ago, and its coming back means that somebody copied it.
Each nonce is derived from the one before, so that two tabs that refresh at one moment are
answered with the same successor and a family never branches: a thief and a victim cannot both
go on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from rest_framework_simplejwt.settings import api_settings

PART = 16


@dataclass(frozen=True, slots=True)
class RefreshSecret:
    """A refresh token, taken apart."""

    sid: UUID
    nonce: bytes

    @property
    def token(self) -> str:
        """As the client keeps it."""
        body = self.sid.bytes + self.nonce
        return base64.urlsafe_b64encode(body + _mac(b"token", body)).decode()

    @property
    def digest(self) -> str:
        """As the database keeps it."""
        return hashlib.sha256(self.token.encode()).hexdigest()

    def successor(self) -> RefreshSecret:
        """The one that replaces it, always the same."""
        return RefreshSecret(self.sid, _mac(b"successor", self.sid.bytes + self.nonce))


def parse(token: str) -> RefreshSecret | None:
    """The parts of a genuine token, None for anything else."""
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    body, mac = raw[:-PART], raw[-PART:]
    if len(raw) != 3 * PART or not hmac.compare_digest(mac, _mac(b"token", body)):
        return None
    return RefreshSecret(UUID(bytes=body[:PART]), body[PART:])


def _mac(purpose: bytes, body: bytes) -> bytes:
    key = f"{api_settings.SIGNING_KEY}:refresh".encode()
    return hmac.digest(key, purpose + body, "sha256")[:PART]
