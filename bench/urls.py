"""The real paths, and the naive one to compare with."""

from __future__ import annotations

from django.urls import path

from bench.naive import NaiveMessagesView
from config.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [path("naive/rooms/<uuid:room_id>/messages", NaiveMessagesView.as_view()), *urlpatterns]
