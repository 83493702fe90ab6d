"""The application, and a poller who is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from accounts.models import User
from core import cache, queries
from core import redis as redis_
from core.cache import threads
from tests.chat_raw import world
from tests.support.services import Valkey


@pytest.fixture(autouse=True)
def database(transactional_db: None) -> Iterator[None]:
    """Real commits; every query is counted, and every thread's connection is given back."""
    assert all(queries._count in each.execute_wrappers for each in connections.all(initialized_only=True))
    yield
    threads.stop()


@pytest.fixture
def own_redis(home: Path, settings: Any) -> Iterator[Valkey]:
    """A Valkey that the test may kill."""
    server = Valkey(home)
    server.start()
    settings.REDIS_URL = server.url
    yield server
    redis_.sync_client().close()
    server.stop()


@pytest.fixture
async def listening() -> AsyncIterator[None]:
    """The invalidation channel is up, as in a web process."""
    assert await cache.start_listener()
    yield
    await cache.stop_listener()


class Poller:
    """A client of the raw routes with one person's token."""

    def __init__(self, http: httpx.AsyncClient, user: User, token: str) -> None:
        self.http = http
        self.user = user
        self.token = token

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """GET with the token; header names with underscores."""
        return await self.request("GET", path, **headers)

    async def request(self, method: str, path: str, **headers: str) -> httpx.Response:
        """Any request with the token."""
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, path, headers={"authorization": f"Bearer {self.token}"} | lines)

    async def meta(self, room_id: object) -> dict[str, Any]:
        """A room's meta."""
        response = await self.get(f"/api/v1/rooms/{room_id}/meta")
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def me(self, since: str = "") -> dict[str, Any]:
        """The poll for all rooms."""
        response = await self.get(f"/api/v1/me/meta?since={since}" if since else "/api/v1/me/meta")
        assert response.status_code == 200, response.text
        return dict(response.json())


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The ASGI application, whole, without a server."""
    from config.asgi import Application

    transport = httpx.ASGITransport(app=Application())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await redis_.async_client().aclose()
    # The thread in which asgiref runs what a test asks of the database.
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def poller(http: httpx.AsyncClient) -> Poller:
    """Somebody who is signed in."""
    user = await sync_to_async(world.make_user)()
    return Poller(http, user, await sync_to_async(world.make_token)(user))


@contextmanager
def no_django(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever reaches Django's views fails the test."""

    async def refuse(*_: object) -> None:
        raise AssertionError("Django was asked")

    with monkeypatch.context() as patched:
        patched.setattr("config.django_app.ThreadedDjango.__call__", refuse)
        yield
