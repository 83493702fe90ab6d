"""Doors: who is in a room, joining, leaving, invitations."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from accounts.authentication import caller
from chat import permissions
from chat.api.rooms import own_room, reason_of
from chat.api.serializers import NewInvite, NewMembers, NewRole, Reason
from chat.api.views import ChatView, as_id
from chat.payloads import InvitePayload, MemberPayload, OwnRoomPayload
from chat.selectors import rooms as selectors
from chat.services import invites, members
from core.paging import PageQuery
from core.rest import validated
from core.schema import listing, shape


class CreatedInvite(InvitePayload):
    """An invitation with the address to give away."""

    url: str


class MembersView(ChatView):
    """The members of a room."""

    @extend_schema(
        operation_id="members_list", parameters=[PageQuery], responses={200: listing("members", MemberPayload)}
    )
    def get(self, request: Request, room_id: str) -> Response:
        """Who is in a room that you may see."""
        found, viewer_id = as_id(room_id), caller(request).id
        query = validated(PageQuery, request, query=True)
        permissions.check_viewer(found, viewer_id)
        return Response(selectors.list_members(room_id=found, limit=query["limit"], cursor=query.get("cursor")))

    @extend_schema(operation_id="members_add", request=NewMembers, responses={201: listing("members", MemberPayload)})
    def post(self, request: Request, room_id: str) -> Response:
        """Add people. Who is in the room already stays what they are."""
        body = validated(NewMembers, request)
        added = members.add_members(
            actor_id=caller(request).id,
            room_id=as_id(room_id),
            user_ids=body["user_ids"],
            role=body["role"],
            reason=body["reason"],
        )
        return Response({"members": added, "next_cursor": None}, status=HTTP_201_CREATED)


class MemberView(ChatView):
    """One member."""

    @extend_schema(operation_id="members_change", request=NewRole, responses={200: shape(MemberPayload)})
    def patch(self, request: Request, room_id: str, user_id: str) -> Response:
        """Give a member below you another role below yours. `owner` hands the room over; the old
        owner becomes an admin."""
        body = validated(NewRole, request)
        member = members.change_role(
            actor_id=caller(request).id,
            room_id=as_id(room_id),
            user_id=as_id(user_id),
            role=body["role"],
            reason=body["reason"],
        )
        return Response(member)

    @extend_schema(operation_id="members_remove", parameters=[Reason], request=None, responses={204: None})
    def delete(self, request: Request, room_id: str, user_id: str) -> Response:
        """Take a member below you out of the room; yourself: leave it."""
        members.remove_member(
            actor_id=caller(request).id, room_id=as_id(room_id), user_id=as_id(user_id), reason=reason_of(request)
        )
        return Response(status=HTTP_204_NO_CONTENT)


class JoinView(ChatView):
    """Joining a public room."""

    @extend_schema(operation_id="rooms_join", request=None, responses={200: shape(OwnRoomPayload)})
    def post(self, request: Request, room_id: str) -> Response:
        """Join a public room. Joining twice is joining once."""
        found = as_id(room_id)
        members.join_room(user_id=caller(request).id, room_id=found)
        return Response(own_room(found, caller(request).id))


class LeaveView(ChatView):
    """Leaving a room."""

    @extend_schema(operation_id="rooms_leave", request=None, responses={204: None})
    def post(self, request: Request, room_id: str) -> Response:
        """Leave a room. Its owner hands it over first."""
        members.leave_room(user_id=caller(request).id, room_id=as_id(room_id))
        return Response(status=HTTP_204_NO_CONTENT)


class InvitesView(ChatView):
    """Invitations to a room."""

    @extend_schema(operation_id="invites_create", request=NewInvite, responses={201: shape(CreatedInvite)})
    def post(self, request: Request, room_id: str) -> Response:
        """Make an invitation. Whoever has its address can join, until it expires or is used up."""
        body = validated(NewInvite, request)
        invite = invites.create_invite(
            actor_id=caller(request).id,
            room_id=as_id(room_id),
            expires_in=body.get("expires_in"),
            max_uses=body.get("max_uses"),
            reason=body["reason"],
        )
        answer: CreatedInvite = {**invite, "url": request.build_absolute_uri(f"/invites/{invite['code']}")}
        return Response(answer, status=HTTP_201_CREATED)


class InviteJoinView(ChatView):
    """Coming by an invitation."""

    @extend_schema(operation_id="invites_join", request=None, responses={200: shape(OwnRoomPayload)})
    def post(self, request: Request, code: str) -> Response:
        """Join the room of an invitation."""
        room_id = invites.redeem_invite(user_id=caller(request).id, code=code)
        return Response(own_room(room_id, caller(request).id))
