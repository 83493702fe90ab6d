"""Doors: one's own profile, and other people."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors
from accounts.api.serializers import (
    ProfileChange,
    UserBatch,
    UserIds,
    UserIdsQuery,
    UserSearch,
)
from accounts.authentication import caller
from accounts.payloads import Profile, UserPayload
from accounts.services.profile import update_profile
from core.errors import NotFound
from core.ids import as_uuid
from core.paging import decode_cursor, encode_cursor
from core.rest import validated
from core.schema import listing, shape


class UsersView(APIView):
    """All people."""

    @extend_schema(operation_id="users_list", parameters=[UserSearch], responses={200: listing("users", UserPayload)})
    def get(self, request: Request) -> Response:
        """People by username; ``search`` looks in both names."""
        query = validated(UserSearch, request, query=True)
        position = decode_cursor(query.get("cursor"), str)
        users, following = selectors.search_users(
            text=query["search"],
            viewer_id=caller(request).id,
            limit=query["limit"],
            after="" if position is None else position[0],
        )
        return Response({"users": users, "next_cursor": following and encode_cursor(following)})


class MeView(APIView):
    """One's own profile."""

    @extend_schema(operation_id="users_me_read", responses={200: shape(Profile)})
    def get(self, request: Request) -> Response:
        """Your profile."""
        return Response(selectors.get_profile(user_id=caller(request).id))

    @extend_schema(operation_id="users_me_change", request=ProfileChange, responses={200: shape(Profile)})
    def patch(self, request: Request) -> Response:
        """Change what is given. ``privacy`` is merged key by key; null takes a key away."""
        change = validated(ProfileChange, request)
        if change:
            update_profile(user_id=caller(request).id, **change)
        return Response(selectors.get_profile(user_id=caller(request).id))


class UserView(APIView):
    """One person."""

    @extend_schema(operation_id="users_read", responses={200: shape(UserPayload)})
    def get(self, request: Request, user_id: str) -> Response:
        """A person."""
        found = as_uuid(user_id)
        if found is None:
            raise NotFound
        return Response(selectors.get_user(user_id=found, viewer_id=caller(request).id))


class UserBatchView(APIView):
    """Several people at once."""

    @extend_schema(operation_id="users_batch_read", parameters=[UserIdsQuery], responses={200: shape(UserBatch)})
    def get(self, request: Request) -> Response:
        """People by their ids, with commas between."""
        return _batch(request, validated(UserIdsQuery, request, query=True)["user_ids"])

    @extend_schema(operation_id="users_batch", request=UserIds, responses={200: shape(UserBatch)})
    def post(self, request: Request) -> Response:
        """People by their ids."""
        return _batch(request, validated(UserIds, request)["user_ids"])


def _batch(request: Request, asked: Iterable[str]) -> Response:
    ids: dict[str, UUID | None] = {text: as_uuid(text) for text in asked}
    users = selectors.get_users(
        user_ids=[user_id for user_id in ids.values() if user_id is not None], viewer_id=caller(request).id
    )
    found = {user["id"] for user in users}
    answer: UserBatch = {
        "users": users,
        "missing": [text for text, user_id in ids.items() if str(user_id) not in found],
    }
    return Response(answer)
