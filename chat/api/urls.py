"""Paths of chat below the API's base. The last slash is optional everywhere."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
