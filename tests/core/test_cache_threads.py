"""The threads of the loop's reads: none keeps a connection when they end."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import connection, connections

from core import cache
from core.cache import threads


@pytest.mark.django_db(transaction=True)
async def test_every_thread_gives_its_connection_back_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    # Connections stay open between reads, as on PostgreSQL.
    monkeypatch.setattr(threads, "close_old_connections", lambda: None)
    together = threading.Barrier(threads.THREADS)
    opened = []

    def read() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        opened.append(connection.connection)
        together.wait(20)

    closed: list[str] = []
    close_all = connections.close_all

    def close() -> None:
        close_all()
        closed.append(threading.current_thread().name)

    monkeypatch.setattr(connections, "close_all", close)
    await asyncio.gather(*[cache.run_in_thread(read) for _ in range(threads.THREADS)])
    await asyncio.to_thread(threads.stop)
    assert len(set(map(id, opened))) == threads.THREADS
    assert len(set(closed)) == threads.THREADS


async def test_an_exception_is_the_callers() -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError):
        await cache.run_in_thread(fail)
    await asyncio.to_thread(threads.stop)
