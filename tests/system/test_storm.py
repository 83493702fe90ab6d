"""Nothing gets lost and nothing is written twice, and every reader sees one order: also when processes are killed."""

from __future__ import annotations

import asyncio

from tests.checker import Report
from tests.support.server import Server
from tests.support.services import Postgres
from tests.system.conftest import sqlite_url
from tests.system.crowd import Crowd
from tests.system.storm import DROPS, Numbers, judge, storm


def _is_a_storm(numbers: Numbers, report: Report, messages: int) -> None:
    """Nothing is proven by a day on which nothing happened."""
    assert numbers.answered == messages
    assert numbers.dropped > messages * DROPS / 2
    assert numbers.retried >= numbers.dropped
    assert numbers.mixed > 30
    assert numbers.reconnected > 0
    counts = report.counts
    assert counts["acts:send"] >= messages
    assert counts["acts:edit"] > 10
    assert counts["acts:recall"] > 5
    assert counts["acts:read"] > 5
    assert counts["received:socket"] > messages * 8
    assert counts["received:changes"] > messages * 2
    assert counts["metas"] > 50
    assert counts["settled"] > 10


async def test_twenty_thousand_messages_on_two_servers_and_postgres(
    two_servers: list[Server], database_url: str, postgres: Postgres
) -> None:
    messages, bases, victim = 20_000, [server.url for server in two_servers], two_servers[0]

    async def kill_a_worker() -> None:
        died = victim.kill("web-0")
        new = await asyncio.to_thread(victim.wait_for_new, "web-0", died)
        assert new not in {0, died}

    async with Crowd() as crowd:
        numbers = await storm(crowd, bases, messages=messages, window=24, break_things=kill_a_worker)
        report = await judge(crowd, database_url, bases)
    _is_a_storm(numbers, report, messages)


async def test_two_thousand_messages_on_sqlite_with_its_valkey(sqlite_server: Server) -> None:
    messages, bases = 2_000, [sqlite_server.url]

    async def kill_worker_and_valkey() -> None:
        died = sqlite_server.kill("valkey")
        assert await asyncio.to_thread(sqlite_server.wait_for_new, "valkey", died) != died
        died = sqlite_server.kill("web-0")
        assert await asyncio.to_thread(sqlite_server.wait_for_new, "web-0", died) != died

    async with Crowd() as crowd:
        numbers = await storm(crowd, bases, messages=messages, window=8, break_things=kill_worker_and_valkey)
        report = await judge(crowd, sqlite_url(sqlite_server), bases)
    _is_a_storm(numbers, report, messages)
