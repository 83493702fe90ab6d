"""Every path that Django answers. The raw routes ahead of it stand in each app's ``raw_routes``."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from config import views

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
    # The specification writes its paths without the version, those of the chat room below "chat".
    path("api/", include((API, "unversioned"))),
    path("api/chat/", include(([path("", include("chat.api.urls"))], "chat"))),
    path("signin", views.sign_in, name="signin"),
    path("register", views.register, name="register"),
    path("first-run", views.first_account, name="first-run"),
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("favicon.ico", views.favicon, name="favicon"),
    # Every address inside the app is the same page; static/js/ui/router.js knows them.
    re_path(r"^(?:directory/?|rooms/[0-9A-Fa-f-]{36}(?:/members)?/?|invites/[\w-]+/?)?$", views.shell, name="shell"),
]

handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"
