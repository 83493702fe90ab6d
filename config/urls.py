"""Every path that Django answers. The raw routes ahead of it stand in each app's ``raw_routes``."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

API = [
    path("", include("accounts.api.urls")),
    path("", include("chat.api.urls")),
]
public = {"authentication_classes": [], "permission_classes": [AllowAny]}

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/schema", SpectacularAPIView.as_view(**public), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema", **public), name="docs"),
    path("api/v1/", include((API, "v1"))),
    # The specification writes its paths without the version.
    path("api/", include((API, "unversioned"))),
]
