"""The codes with which sockets are closed, once; ``constants.js`` mirrors them and a test compares.

4000 to 4499 say "come back", 4500 to 4999 say "do not".
"""

from __future__ import annotations

from enum import IntEnum

_FIRST_FINAL = 4500
_LAST_FINAL = 4999


class CloseCode(IntEnum):
    """Why a socket was closed."""

    NORMAL = 1000
    GOING_AWAY = 1001
    MESSAGE_TOO_BIG = 1009
    SERVICE_RESTART = 1012
    RESTARTING = 4001
    SLOW_CONSUMER = 4002
    MOVED = 4003
    TOKEN_EXPIRED = 4004
    TOKEN_REVOKED = 4501
    BANNED = 4502
    PROTOCOL_ERROR = 4503
    TOO_MANY_CONNECTIONS = 4504

    @property
    def is_final(self) -> bool:
        """Whether the client should not come back by itself."""
        return _FIRST_FINAL <= self <= _LAST_FINAL
