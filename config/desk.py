"""How the admin pages look: Parley's name and its accent, on unfold's layout."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

# The scale of the app's accent (static/css/tokens.css), and its neutrals, cool and quiet.
_ACCENT = {
    "50": "#f1f8f5",
    "100": "#dcebe5",
    "200": "#b9d8cd",
    "300": "#8cbfb0",
    "400": "#55a08e",
    "500": "#2b8372",
    "600": "#14695c",
    "700": "#0e5449",
    "800": "#0d443c",
    "900": "#0c3832",
    "950": "#06201d",
}


def _item(title: str, icon: str, name: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}_changelist")}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Parley desk",
    "SITE_HEADER": "Parley desk",
    "SITE_SUBHEADER": "For moderators and admins",
    "SITE_SYMBOL": "forum",
    "DASHBOARD_CALLBACK": "core.desk.first_page",
    "STYLES": [lambda _request: static("css/desk.css")],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {"primary": _ACCENT},
    "SIDEBAR": {
        "navigation": [
            {
                "items": [
                    _item("People", "group", "accounts_user"),
                    _item("Messages", "chat_bubble", "chat_chatmessage"),
                    _item("Rooms", "forum", "chat_chatroom"),
                    _item("Audit", "fact_check", "audit_auditentry"),
                ]
            }
        ]
    },
}
