"""Paths of chat below the API's base. The last slash is optional everywhere."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from chat.api import members, messages, rooms

urlpatterns: list[URLPattern | URLResolver] = [
    path("rooms", rooms.RoomsView.as_view()),
    path("rooms/<str:room_id>", rooms.RoomView.as_view()),
    path("rooms/<str:room_id>/messages", messages.MessagesView.as_view()),
    path("rooms/<str:room_id>/changes", messages.RoomChangesView.as_view()),
    path("rooms/<str:room_id>/read", rooms.ReadView.as_view()),
    path("rooms/<str:room_id>/members", members.MembersView.as_view()),
    path("rooms/<str:room_id>/members/<str:user_id>", members.MemberView.as_view()),
    path("rooms/<str:room_id>/join", members.JoinView.as_view()),
    path("rooms/<str:room_id>/leave", members.LeaveView.as_view()),
    path("rooms/<str:room_id>/invites", members.InvitesView.as_view()),
    path("invites/<str:code>/join", members.InviteJoinView.as_view()),
    path("messages/mark-read", rooms.MarkReadView.as_view()),
    path("messages/<str:message_id>", messages.MessageView.as_view()),
    path("messages/<str:message_id>/history", messages.HistoryView.as_view()),
    path("me/changes", messages.OwnChangesView.as_view()),
]
