"""Every path that Django answers. The raw routes ahead of it stand in each app's ``raw_routes``."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
