"""Doors: messages, and the change log."""

from __future__ import annotations

from uuid import UUID

import orjson
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT

from accounts.authentication import caller
from chat import cache, permissions
from chat.api.rooms import reason_of
from chat.api.serializers import ChangesQuery, MessageChange, MessagesQuery, NewMessage, Reason
from chat.api.views import ChatView, as_id
from chat.models import ChatMessage, user_stream
from chat.payloads import MessagePayload, message_payload
from chat.selectors import messages as selectors
from chat.selectors.messages import EditsPage, MessagesPage
from chat.services import messages
from core.errors import NotFound
from core.log.readers import ChangesBody, check_epoch, read_changes
from core.rest import validated
from core.schema import shape


class MessagesView(ChatView):
    """The messages of a room."""

    limits = {"POST": "send"}

    @extend_schema(operation_id="messages_list", parameters=[MessagesQuery], responses={200: shape(MessagesPage)})
    def get(self, request: Request, room_id: str) -> HttpResponse:
        """A page of the timeline, the newest last. Every change up to `offset` is in it: go on with
        `changes?after=` that."""
        found = as_id(room_id)
        query = validated(MessagesQuery, request, query=True)
        permissions.check_reader(found, caller(request).id)
        limit: int = query.pop("limit")
        if not query:
            page = cache.get_messages(found, limit, lambda: selectors.newest_page(room_id=found, limit=limit))
            return _encoded(page.body)
        return _encoded(orjson.dumps(selectors.list_messages(room_id=found, limit=limit, **query)))

    @extend_schema(
        operation_id="messages_send",
        request=NewMessage,
        responses={201: shape(MessagePayload), 200: shape(MessagePayload)},
    )
    def post(self, request: Request, room_id: str) -> Response:
        """Send a message. A `client_id` that you used in this room before is answered with 200 and
        the first message, so that it is safe to send again what got no answer."""
        found = as_id(room_id)
        body = validated(NewMessage, request)
        sent = messages.send_message(
            sender_id=caller(request).id,
            room_id=found,
            content=body["content"],
            client_id=body.get("client_id"),
            message_type=body["type"],
            reply_to=body.get("reply_to"),
            metadata=body.get("metadata"),
        )
        return Response(sent.message, status=HTTP_201_CREATED if sent.created else HTTP_200_OK)


class MessageView(ChatView):
    """One message."""

    @extend_schema(operation_id="messages_read", responses={200: shape(MessagePayload)})
    def get(self, request: Request, message_id: str) -> Response:
        """A message of a room that you are in (site moderators: any)."""
        return Response(message_payload(_readable(as_id(message_id), caller(request).id)))

    @extend_schema(operation_id="messages_edit", request=MessageChange, responses={200: shape(MessagePayload)})
    def put(self, request: Request, message_id: str) -> Response:
        """Edit your own message. With `version`, only if it is still that one (409 otherwise, with the
        message as it stands in `current`)."""
        found = as_id(message_id)
        body = validated(MessageChange, request)
        edited = messages.edit_message(
            actor_id=caller(request).id, message_id=found, content=body["content"], version=body.get("version")
        )
        return Response(edited)

    @extend_schema(operation_id="messages_recall", parameters=[Reason], request=None, responses={204: None})
    def delete(self, request: Request, message_id: str) -> Response:
        """Recall a message for everyone: your own for 24 hours, as the room's admin any, at any time."""
        messages.recall_message(actor_id=caller(request).id, message_id=as_id(message_id), reason=reason_of(request))
        return Response(status=HTTP_204_NO_CONTENT)


class HistoryView(ChatView):
    """What a message was before."""

    @extend_schema(operation_id="messages_history", responses={200: shape(EditsPage)})
    def get(self, request: Request, message_id: str) -> Response:
        """The edits of a message, the oldest first. Of a recalled message: for site moderators alone."""
        message = _readable(as_id(message_id), caller(request).id)
        permissions.check_may_see_history(message, user_id=caller(request).id)
        return Response({"edits": selectors.list_edits(message.pk)})


class RoomChangesView(ChatView):
    """The change log of a room."""

    @extend_schema(operation_id="rooms_changes", parameters=[ChangesQuery], responses={200: shape(ChangesBody)})
    def get(self, request: Request, room_id: str) -> HttpResponse:
        """What happened in a room after an offset. 410 when the log does not reach back to it, or
        `epoch` is another: then load the room anew."""
        found = as_id(room_id)
        query = validated(ChangesQuery, request, query=True)
        permissions.check_reader(found, caller(request).id)
        check_epoch(query.get("epoch"))
        return _encoded(cache.changes_page(found, after=query["after"], limit=query["limit"]))


class OwnChangesView(ChatView):
    """The caller's own stream."""

    @extend_schema(operation_id="me_changes", parameters=[ChangesQuery], responses={200: shape(ChangesBody)})
    def get(self, request: Request) -> HttpResponse:
        """What happened to you after an offset: rooms that came and went, your read positions, your devices."""
        query = validated(ChangesQuery, request, query=True)
        check_epoch(query.get("epoch"))
        return _encoded(_changes(user_stream(caller(request).id), query["after"], query["limit"]))


def _changes(stream: str, after: int, limit: int) -> bytes:
    return orjson.dumps(read_changes(stream, after=after, limit=limit).as_dict())


def _readable(message_id: UUID, user_id: UUID) -> ChatMessage:
    message = selectors.get_message(message_id)
    if message is None:
        raise NotFound("There is no such message.")
    permissions.check_may_read_message(message, user_id=user_id)
    return message


def _encoded(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type="application/json")
