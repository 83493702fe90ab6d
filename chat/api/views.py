"""What the doors of chat share."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import caller
from core import ratelimit
from core.errors import NotFound


class ChatView(APIView):
    """A door for whoever is signed in."""

    # The limit that a request counts against, by method; reading is not limited here.
    limits: dict[str, str] = {"POST": "write", "PUT": "write", "PATCH": "write", "DELETE": "write"}

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Who asks, whether they may, and not too often. Raises RateLimited."""
        super().initial(request, *args, **kwargs)
        limit = self.limits.get(request.method or "")
        if limit is not None:
            loopback = ratelimit.is_loopback(request.META.get("REMOTE_ADDR", ""))
            ratelimit.check(limit, caller(request).id, loopback=loopback)


def as_id(text: str) -> UUID:
    """An id of a path. Raises NotFound for what is none: nothing has such an id."""
    try:
        found = UUID(text)
    except ValueError as error:
        raise NotFound from error
    if str(found) != text.lower():
        raise NotFound
    return found
