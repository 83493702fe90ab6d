"""What chat answers ahead of Django."""

from __future__ import annotations

from chat.raw.me_meta import me_meta
from chat.raw.meta import room_meta
from chat.raw.openapi import ME_META, ROOM_META
from core.raw import RawRoute

routes = [
    # The design card's path, the specification's, and the API's own.
    RawRoute(
        r"/(?:api/(?:v1/|chat/)?)?rooms/(?P<room_id>[^/]+)/meta",
        room_meta,
        path="/api/v1/rooms/{room_id}/meta",
        operation=ROOM_META,
    ),
    RawRoute(r"/api/(?:v1/)?me/meta", me_meta, path="/api/v1/me/meta", operation=ME_META),
]
