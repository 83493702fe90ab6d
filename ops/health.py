"""Is the process alive, can it serve, and what does it count?

``/healthz`` touches nothing. ``/readyz`` asks the database, Redis and the migrations, in a thread
and at most once a second. Without Redis Parley is slower and still right: it says so and is ready.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import time
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection

from core import redis as redis_
from core.errors import Forbidden
from core.raw import Receive, Scope, Send, send_body, send_json
from ops import metrics
from ops.prepare import unapplied_migrations

_NO_STORE = [(b"cache-control", b"no-store")]
_OK = "ok"
# Seconds for which an answer of /readyz stands: whoever asks faster costs nothing.
_FRESH = 1.0
_last: tuple[float, dict[str, Any]] | None = None


async def healthz(scope: Scope, receive: Receive, send: Send) -> None:
    """200 whenever the event loop turns."""
    await send_body(send, 200, b"ok\n", [(b"content-type", b"text/plain"), *_NO_STORE])


async def readyz(scope: Scope, receive: Receive, send: Send) -> None:
    """200 when requests can be served, 503 when not; the body says what is missing."""
    global _last
    if _last is None or time.monotonic() - _last[0] > _FRESH:
        _last = (time.monotonic(), await asyncio.to_thread(check))
    body = _last[1]
    await send_json(send, 200 if body["ready"] else 503, body, _NO_STORE)


def check() -> dict[str, Any]:
    """``{ready, degraded, checks: {name: "ok" or a sentence}}``."""
    checks = {"database": _check_database(), "migrations": _OK, "redis": _check_redis()}
    if checks["database"] == _OK:
        missing = unapplied_migrations()
        if missing:
            checks["migrations"] = f"{len(missing)} not applied, first {missing[0]}. Run: manage.py migrate"
    else:
        checks["migrations"] = "unknown while the database does not answer"
    ready = checks["database"] == checks["migrations"] == _OK
    return {"ready": ready, "degraded": ready and checks["redis"] != _OK, "checks": checks}


def _check_database() -> str:
    close_old_connections()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except Exception as error:  # noqa: BLE001 - drivers raise what they like; the answer is the same
        connection.close()
        return f"does not answer ({type(error).__name__})"
    return _OK


def _check_redis() -> str:
    try:
        redis_.sync_client().ping()
    except redis_.UNAVAILABLE as error:
        return f"does not answer ({type(error).__name__}); Parley goes on without its caches, slower"
    return _OK


async def metrics_page(scope: Scope, receive: Receive, send: Send) -> None:
    """The numbers, for this machine or for who has the token. Raises Forbidden."""
    if not may_read_metrics(scope):
        raise Forbidden("Metrics are for this machine, or with the header 'Authorization: Bearer <METRICS_TOKEN>'.")
    text = await asyncio.to_thread(metrics.render)
    await send_body(send, 200, text, [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8"), *_NO_STORE])


def may_read_metrics(scope: Scope) -> bool:
    """Whether the request comes from this machine, not through a proxy on it, or has the token."""
    headers = dict(scope["headers"])
    offered = headers.get(b"authorization", b"")
    if offered:
        return hmac.compare_digest(offered, b"Bearer " + settings.METRICS_TOKEN.encode())
    if any(name in headers for name in (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")):
        return False
    try:
        return ipaddress.ip_address((scope.get("client") or ("",))[0]).is_loopback
    except ValueError:
        return False
