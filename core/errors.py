"""The one list of error codes, and the one shape in which every door tells them.

Services raise these; DRF's handler (``core.error_answers``), the raw ASGI routes and the sockets
present them. The shape is that of drf-standardized-errors: ``{"type", "errors": [{"code", "detail", "attr"}]}``,
with what an error adds (``current``, ``retry_after``) beside ``errors``.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError


class ParleyError(APIException):
    """An error with a code of the list. ``attr`` names the field, ``extra`` goes beside ``errors``."""

    status_code: int = status.HTTP_400_BAD_REQUEST
    default_code = "invalid"
    default_detail = "The request is not valid."

    def __init__(
        self, detail: str | None = None, *, attr: str | None = None, extra: dict[str, Any] | None = None
    ) -> None:
        super().__init__(detail or self.default_detail, self.default_code)
        self.attr = attr
        self.extra = extra or {}

    @property
    def code(self) -> str:
        """The code as it stands on the wire."""
        return str(self.default_code)


class Invalid(ParleyError):
    """400: a field is wrong; ``attr`` says which."""


class NotAuthenticated(ParleyError):
    """401: no token."""

    status_code = status.HTTP_401_UNAUTHORIZED
    auth_header = "Bearer"
    default_code = "not_authenticated"
    default_detail = "Sign in first: send an access token as 'Authorization: Bearer …'."


class InvalidToken(ParleyError):
    """401: a token that is malformed, expired, revoked, or of somebody who was signed out."""

    status_code = status.HTTP_401_UNAUTHORIZED
    # DRF's handler turns this attribute into the WWW-Authenticate header.
    auth_header = "Bearer"
    default_code = "authentication_failed"
    default_detail = "The access token is not valid or no longer valid. Refresh it or sign in again."


class WrongCredentials(InvalidToken):
    """401: no such username, or not its password; which of the two is nobody's business."""

    default_detail = "The username or the password is not right."


class SignInEnded(InvalidToken):
    """401: a refresh token that is unknown, expired, or of a sign-in that has ended."""

    default_detail = "This sign-in has ended. Sign in again."


class Forbidden(ParleyError):
    """403: inside the room, without the right."""

    status_code = status.HTTP_403_FORBIDDEN
    default_code = "permission_denied"
    default_detail = "You are not allowed to do this."


class Blocked(Forbidden):
    """403: one of two people has blocked the other."""

    default_code = "blocked"
    default_detail = "Messages between you two are blocked."


class RecallExpired(Forbidden):
    """403: too late to recall."""

    default_code = "recall_expired"
    default_detail = "The time for recalling this message is over."


class NotFound(ParleyError):
    """404: it is not there, or you may not know that it is."""

    status_code = status.HTTP_404_NOT_FOUND
    default_code = "not_found"
    default_detail = "Not found."


class MethodNotAllowed(ParleyError):
    """405."""

    status_code = status.HTTP_405_METHOD_NOT_ALLOWED
    default_code = "method_not_allowed"
    default_detail = "This method is not allowed here."


class Conflict(ParleyError):
    """409: the state does not allow it (the last owner leaves, a name is taken)."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "That conflicts with the present state."


class VersionConflict(Conflict):
    """409: somebody else edited first; ``extra['current']`` tells the version that stands."""

    default_code = "version_conflict"
    default_detail = "The message was changed meanwhile. Read it again and repeat the edit."


class PositionLost(ParleyError):
    """410: the log no longer reaches back to that position, or it is of another epoch."""

    status_code = status.HTTP_410_GONE
    default_code = "position_lost"
    default_detail = "This position is no longer in the log. Load the current state and go on from there."


class PayloadTooLarge(ParleyError):
    """413."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"
    default_detail = "That is larger than the limit."


class ReservedEvent(ParleyError):
    """A client's broadcast used the name of one of the server's own events."""

    default_code = "reserved_event"
    default_detail = "Events of this name come from the server alone. Choose another name."


class RateLimited(ParleyError):
    """429, with the seconds after which to try again."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "rate_limited"
    default_detail = "Too many requests."

    def __init__(self, limit: str, retry_after: int) -> None:
        super().__init__(
            f"Too many requests (limit '{limit}'). Try again in {retry_after} s.",
            extra={"limit": limit, "retry_after": retry_after},
        )
        # DRF's handler turns this attribute into the Retry-After header.
        self.wait = retry_after


class TooManyConnections(ParleyError):
    """429: a person, or an address, has as many sockets open as it may."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_connections"
    default_detail = "Too many connections are open. Close some first."


class Unavailable(ParleyError):
    """503: the server cannot take this right now; nothing was written."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "The server is busy. Nothing was written; try again."


class InternalError(ParleyError):
    """500: our fault."""

    status_code = status.HTTP_500_INTERNAL_SERVER_ERROR
    default_code = "error"
    default_detail = "Something went wrong on the server. It was logged."


_SERVER_ERROR: int = status.HTTP_500_INTERNAL_SERVER_ERROR


def error_body(exc: ParleyError) -> dict[str, Any]:
    """The one shape, for doors that are not DRF's."""
    kind = "server_error" if exc.status_code >= _SERVER_ERROR else "client_error"
    entry = {"code": exc.code, "detail": str(exc.detail), "attr": exc.attr}
    return {"type": kind, "errors": [entry], **exc.extra}


def socket_error(exc: Exception) -> dict[str, Any]:
    """The ``response`` of an error reply. Errors that nobody foresaw tell nothing of themselves."""
    if isinstance(exc, ParleyError):
        return {"code": exc.code, "reason": str(exc.detail), **exc.extra}
    if isinstance(exc, ValidationError):
        code, reason = _first(exc.detail)
        return {"code": code, "reason": reason}
    if isinstance(exc, Http404):
        return {"code": NotFound.default_code, "reason": NotFound.default_detail}
    if isinstance(exc, PermissionDenied):
        return {"code": Forbidden.default_code, "reason": Forbidden.default_detail}
    return {"code": InternalError.default_code, "reason": InternalError.default_detail}


def _first(detail: Any) -> tuple[str, str]:
    while isinstance(detail, dict | list) and detail:
        detail = next(iter(detail.values())) if isinstance(detail, dict) else detail[0]
    code = detail.code if isinstance(detail, ErrorDetail) else None
    return code or Invalid.default_code, str(detail)
