"""A Redis that a test may kill, and a channel that is listened to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from core import cache
from core import redis as redis_
from tests.support.services import Valkey


@pytest.fixture
def own_redis(home: Path, settings: Any) -> Iterator[Valkey]:
    """A Valkey of the test's own."""
    server = Valkey(home)
    server.start()
    settings.REDIS_URL = server.url
    yield server
    redis_.sync_client().close()
    server.stop()


@pytest.fixture
async def channel(own_redis: Valkey) -> AsyncIterator[Valkey]:
    """The invalidation channel is up, on a Redis that may be killed."""
    assert await cache.start_listener()
    yield own_redis
    await cache.stop_listener()
    await redis_.async_client().aclose()
