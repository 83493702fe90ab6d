"""Paths of accounts below the API's base. The last slash is optional everywhere."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from accounts.api.auth import LogoutView, RefreshView, RegisterView, TokenView
from accounts.api.devices import DevicesView, DeviceView
from accounts.api.users import MeView, UserBatchView, UsersView, UserView

urlpatterns: list[URLPattern | URLResolver] = [
    path("auth/register", RegisterView.as_view()),
    path("auth/token", TokenView.as_view()),
    path("auth/token/refresh", RefreshView.as_view()),
    path("auth/logout", LogoutView.as_view()),
    path("users", UsersView.as_view()),
    path("users/me", MeView.as_view()),
    path("users/me/devices", DevicesView.as_view()),
    path("users/me/devices/<str:device_id>", DeviceView.as_view()),
    path("users/batch", UserBatchView.as_view()),
    path("users/<str:user_id>", UserView.as_view()),
]
