"""What the specification says of the time before: the server that is polled naively.

Every request asks the database who the caller is and which partner they are (the token alone is not
trusted), whether they are in the room, and for the whole list of messages; nothing is cached. The
answer has the same messages in the same shape as the real endpoint, so that bytes compare.
"""

from __future__ import annotations

from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import Partner, User
from chat.events import MESSAGE_RELATIONS
from chat.models import ChatMessage, Membership
from chat.payloads import message_payload

LIMIT = 50


class NaiveAuthentication(BaseAuthentication):
    """The token callback as it was: role and partner are read with every request."""

    def authenticate(self, request: Request) -> tuple[User, Partner | None]:
        """Two queries."""
        raw = request.headers.get("authorization", "").removeprefix("Bearer ")
        user = User.objects.filter(pk=AccessToken(raw)["sub"]).first()  # type: ignore[arg-type]  # it takes text
        if user is None or user.banned_at is not None:
            raise AuthenticationFailed
        return user, Partner.objects.filter(user=user).first()


class NaiveMessagesView(APIView):
    """The whole list of the newest messages."""

    authentication_classes = [NaiveAuthentication]
    schema = None

    def get(self, request: Request, room_id: UUID) -> Response:
        """Two queries more."""
        if not Membership.objects.filter(room_id=room_id, user_id=str(request.user.pk)).exists():
            raise NotFound
        messages = ChatMessage.objects.filter(room_id=room_id).select_related(*MESSAGE_RELATIONS)
        newest = list(messages.order_by("-lamport", "-origin", "-id")[:LIMIT])
        return Response({"messages": [message_payload(message) for message in reversed(newest)]})
