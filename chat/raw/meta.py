"""``GET rooms/{id}/meta``: a room's state in some hundred bytes, asked every 2.5 seconds by everybody."""

from __future__ import annotations

from chat.cache import aget_meta
from chat.raw.access import authenticate, check_member, room_id_of
from core.errors import NotFound
from core.raw import Receive, Scope, Send, send_tagged


async def room_meta(scope: Scope, receive: Receive, send: Send) -> None:
    """``{"lastMessageAt", "offset", "epoch"}``, at most 110 bytes, with a strong ETag."""
    principal = await authenticate(scope)
    room_id = room_id_of(scope)
    await check_member(room_id, principal.user_id)
    meta = await aget_meta(room_id)
    if meta is None:
        raise NotFound
    await send_tagged(scope, send, meta.body, meta.etag)
