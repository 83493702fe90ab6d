"""Doors: rooms."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT

from accounts.authentication import caller
from chat import permissions
from chat.api.serializers import MarkRead, NewRoom, ReadPosition, Reason, RoomChange, RoomsQuery
from chat.api.views import ChatView, as_id
from chat.payloads import OwnRoomPayload
from chat.selectors import rooms as selectors
from chat.services import reads, rooms
from chat.services.reads import ReadResult
from core.errors import NotFound
from core.rest import validated
from core.schema import listing, shape


class RoomsView(ChatView):
    """Rooms."""

    @extend_schema(
        operation_id="rooms_list", parameters=[RoomsQuery], responses={200: listing("rooms", OwnRoomPayload)}
    )
    def get(self, request: Request) -> Response:
        """Your rooms, the liveliest first; or the directory of public ones, by name.

        A room that moves to the top while you page through the list comes again on the last page.
        """
        query = validated(RoomsQuery, request, query=True)
        viewer_id, cursor = caller(request).id, query.get("cursor")
        page: Any
        if query.get("kind") == "public":
            page = selectors.list_public_rooms(
                user_id=viewer_id, limit=query["limit"], search=query["search"], cursor=cursor
            )
        else:
            page = selectors.list_own_rooms(
                user_id=viewer_id, limit=query["limit"], search=query["search"], cursor=cursor
            )
        return Response(page)

    @extend_schema(
        operation_id="rooms_create",
        request=NewRoom,
        responses={201: shape(OwnRoomPayload), 200: shape(OwnRoomPayload)},
    )
    def post(self, request: Request) -> Response:
        """Make a room. A direct room is with exactly one other person; the one that you two have is
        answered with 200."""
        body = validated(NewRoom, request)
        made = rooms.create_room(
            actor_id=caller(request).id,
            kind=body["kind"],
            name=body["name"],
            topic=body["topic"],
            member_ids=body["member_ids"],
        )
        status = HTTP_201_CREATED if made.created else HTTP_200_OK
        return Response(own_room(made.room_id, caller(request).id), status=status)


class RoomView(ChatView):
    """One room."""

    @extend_schema(operation_id="rooms_read", responses={200: shape(OwnRoomPayload)})
    def get(self, request: Request, room_id: str) -> Response:
        """A room that you are in, or a public one."""
        return Response(own_room(as_id(room_id), caller(request).id))

    @extend_schema(operation_id="rooms_change", request=RoomChange, responses={200: shape(OwnRoomPayload)})
    def patch(self, request: Request, room_id: str) -> Response:
        """Change the room's name, topic and settings: for its admins. Site moderators may freeze it."""
        changes = validated(RoomChange, request)
        reason = changes.pop("reason")
        found = as_id(room_id)
        rooms.update_room(actor_id=caller(request).id, room_id=found, changes=changes, reason=reason)
        return Response(changed_room(found, caller(request).id))

    @extend_schema(operation_id="rooms_delete", parameters=[Reason], request=None, responses={204: None})
    def delete(self, request: Request, room_id: str) -> Response:
        """Delete a room with all it holds: for its owner. Direct rooms are not deleted."""
        rooms.delete_room(actor_id=caller(request).id, room_id=as_id(room_id), reason=reason_of(request))
        return Response(status=HTTP_204_NO_CONTENT)


class ReadView(ChatView):
    """The caller's read position."""

    @extend_schema(operation_id="rooms_read_position", request=ReadPosition, responses={200: shape(ReadResult)})
    def post(self, request: Request, room_id: str) -> Response:
        """You have read up to the message number `seq` (without it: everything)."""
        seq = validated(ReadPosition, request).get("seq")
        return Response(reads.mark_read(user_id=caller(request).id, room_id=as_id(room_id), seq=seq))


class MarkReadView(ChatView):
    """The same under the path of the messaging interfaces."""

    @extend_schema(operation_id="messages_mark_read", request=MarkRead, responses={200: shape(ReadResult)})
    def patch(self, request: Request) -> Response:
        """You have read this conversation, up to the message number `seq` or all of it."""
        body = validated(MarkRead, request)
        return Response(
            reads.mark_read(user_id=caller(request).id, room_id=body["conversation_id"], seq=body.get("seq"))
        )


def own_room(room_id: UUID, viewer_id: UUID) -> OwnRoomPayload:
    """A room as the viewer sees it. Raises NotFound."""
    room, membership = selectors.get_room(room_id), selectors.get_membership(room_id, viewer_id)
    return selectors.present_room(
        permissions.check_may_see(room, membership.role if membership is not None else None), membership
    )


def changed_room(room_id: UUID, viewer_id: UUID) -> OwnRoomPayload:
    """A room that the viewer has just changed, and so may see. Raises NotFound when it is gone."""
    room = selectors.get_room(room_id)
    if room is None:
        raise NotFound("There is no such room.")
    return selectors.present_room(room, selectors.get_membership(room_id, viewer_id))


def reason_of(request: Request) -> str:
    """The reason of an act, from the query or the body (a DELETE's body does not reach every server)."""
    reason: str = validated(Reason, request, query=True)["reason"] or validated(Reason, request)["reason"]
    return reason
