"""An older database is put back: a new epoch begins, and every device finds its way without a wrong message."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg

from tests.checker import check
from tests.support.drivers import SocketUser
from tests.support.final_state import read_final_state
from tests.support.history import History
from tests.support.server import Server
from tests.support.services import Postgres, Valkey, free_port
from tests.system.conftest import SECRETS, sqlite_url
from tests.system.crowd import Crowd, register, until_answered


class Timeline:
    """What happened when: acts between the backup and its restoring did not happen, in the end."""

    def __init__(self) -> None:
        self.backed_up = 0.0
        self.restored = 0.0

    def remaining(self, histories: list[History]) -> list[History]:
        """The histories without the lost time."""
        return [
            History(
                one.client,
                one.user,
                [entry for entry in one.entries if entry.at < self.backed_up or entry.at > self.restored],
            )
            for one in histories
        ]


async def _write(crowd: Crowd, device: SocketUser, words: str, count: int) -> None:
    """Write ``count`` messages and wait until everybody has them."""
    room = crowd.rooms[0]
    await device.wait_joined(60)
    for number in range(count):
        client_id = f"{words} {number}"
        message = await until_answered(partial(device.send, room, client_id, client_id), device)
    edited = partial(device.edit, room, message["message"]["id"], f"{words}, edited")
    await until_answered(edited, device)
    epoch, offset = device.known[f"room:{room}"]
    for socket in crowd.sockets:
        await socket.reach(f"room:{room}", offset, 60, epoch)
    for poller in crowd.pollers:
        await poller.reach(offset, 60, epoch)


async def _stop(servers: list[Server]) -> None:
    """Stop them while the clients go on and notice."""
    for server in servers:
        await asyncio.to_thread(server.stop)


async def _restore(
    crowd: Crowd, servers: list[Server], url: str, back_up: Callable[[], None], put_back: Callable[[], None]
) -> None:
    """Write, stop and back up, write more, put the backup back, write something else."""
    times = Timeline()
    crowd.people = await register([server.url for server in servers], "agatha", "bertram", "clothilde", "dankwart")
    room = await crowd.people[0].create_room(*crowd.people[1:])
    crowd.rooms = [room]
    writer = await crowd.device(crowd.people[0], "socket", f"room:{room}")
    reader = await crowd.device(crowd.people[1], "socket", f"room:{room}")
    for person in crowd.people[2:]:
        await crowd.poller(person, room, "poll")

    await _write(crowd, writer, "before the backup", 12)
    await _stop(servers)
    back_up()
    times.backed_up = time.time()
    for server in servers:
        server.start()
    await _write(crowd, writer, "after the backup", 20)
    assert (writer.positions_lost, reader.positions_lost) == (0, 0), "an ordinary restart loses no position"
    old_epoch = reader.known[f"room:{room}"][0]

    await _stop(servers)
    put_back()
    times.restored = time.time()
    for server in servers:
        server.start()
    await _write(crowd, writer, "after the restoring", 5)

    final = read_final_state(url, crowd.rooms)
    assert final.epoch != old_epoch
    assert (writer.positions_lost, reader.positions_lost) == (1, 1)
    assert [poller.positions_lost for poller in crowd.pollers] == [1, 1]
    await reader.user.read_snapshot(room, reader.history)
    final = await crowd.settle(url)
    await crowd.close()
    report = check(times.remaining(crowd.histories()), final)
    assert not report.verdicts, report.text()
    assert report.counts["acts:send"] == 12 + 5
    assert report.counts["settled"] == 4


async def test_sqlite_with_the_valkey_of_later(home: Path) -> None:
    """The embedded Valkey keeps what it knows on the disk: the caches of the lost time are still there."""
    server = Server(home, env={"PORT": str(free_port())})
    database, backup = home / "parley.sqlite3", home / "backup.sqlite3"

    def back_up() -> None:
        # What a copy of the file alone would miss stands in the write-ahead log beside it.
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)

    def put_back() -> None:
        for suffix in ("-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        shutil.copy(backup, database)

    server.start()
    try:
        async with Crowd() as crowd:
            await _restore(crowd, [server], sqlite_url(server), back_up, put_back)
    finally:
        server.stop()


# PostgreSQL copies only a database that nobody is connected to; what the stopped servers had may still be closing.
_END_LEFTOVERS = b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'restored'"


async def test_postgresql_with_two_servers(home: Path, postgres: Postgres, redis: Valkey) -> None:
    """Both servers remember the lost time; they must agree on one new epoch."""
    url = postgres.create_database("restored")
    servers = [
        Server(
            home / name,
            database_url=url,
            redis_url=redis.url,
            workers=1,
            env={**SECRETS, "PORT": str(free_port())},
        )
        for name in ("one", "two")
    ]

    def execute(*statements: bytes) -> None:
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    for server in servers:
        server.start()
    try:
        async with Crowd() as crowd:
            await _restore(
                crowd,
                servers,
                url,
                lambda: execute(_END_LEFTOVERS, b"CREATE DATABASE backup TEMPLATE restored"),
                lambda: execute(b"DROP DATABASE restored WITH (FORCE)", b"ALTER DATABASE backup RENAME TO restored"),
            )
    finally:
        for server in servers:
            server.stop()
