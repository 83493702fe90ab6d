"""Durable sends: how many messages a second are committed, with fsync, and delivered.

Sixteen senders over WebSocket, each with a few messages under way, in sixteen rooms or all in one.
A message counts when its sender has the reply and every socket of the room has the frame. The
databases are asked whether they really wait for the disk before anything is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg
from websockets.asyncio.client import ClientConnection, connect

from bench.place import Place, World
from bench.wire import percentile
from tests.support.services import Postgres, free_port

SENDERS = 16
# Messages of one sender that may be without an answer: people do not wait for each other.
WINDOW = 4
WARM_SECONDS = 1.0
TEXT = "The tide tables for next week are in the shared folder, please check yours by Thursday evening, number {}."


@dataclass(frozen=True)
class Sends:
    """Medians over the runs. ``cpu``: the web process's microseconds per message."""

    database: str
    rooms: int
    rate: float
    low: float
    high: float
    p50: float
    p99: float
    cpu: float
    deliveries: float


class Sender:
    """One socket in one room: sends, and counts what arrives."""

    def __init__(self, socket: ClientConnection, room: str) -> None:
        self._socket = socket
        self._topic = f"room:{room}"
        self._refs = itertools.count(2)
        self._window = asyncio.Semaphore(WINDOW)
        self._asked: dict[str, float] = {}
        self.latencies: list[float] = []
        self.answered = 0
        self.delivered = 0

    async def join(self) -> None:
        """Join the room."""
        await self._socket.send(orjson.dumps(["1", "1", self._topic, "phx_join", {}]).decode())
        while True:
            frame = orjson.loads(await self._socket.recv())
            if frame[3] == "phx_reply":
                assert frame[4]["status"] == "ok", frame
                return

    async def send_until(self, end: float) -> None:
        """Keep the window full until the time ``end``, then wait for the last answers."""
        while time.perf_counter() < end:
            await self._window.acquire()
            ref = str(next(self._refs))
            payload = {"content": TEXT.format(ref), "client_id": f"{id(self)}-{ref}"}
            self._asked[ref] = time.perf_counter()
            await self._socket.send(orjson.dumps(["1", ref, self._topic, "message:send", payload]).decode())
        for _ in range(WINDOW):
            await asyncio.wait_for(self._window.acquire(), 30)

    async def receive(self) -> None:
        """Until the socket is closed."""
        async for raw in self._socket:
            frame: list[Any] = orjson.loads(raw)
            if frame[3] == "message:created":
                self.delivered += 1
            elif frame[3] == "phx_reply" and frame[1] in self._asked:
                assert frame[4]["status"] == "ok", frame
                self.latencies.append(time.perf_counter() - self._asked.pop(frame[1]))
                self.answered += 1
                self._window.release()


@asynccontextmanager
async def senders(place: Place, world: World) -> AsyncIterator[list[Sender]]:
    """Sixteen sockets, spread over the rooms."""
    url = f"ws://127.0.0.1:{place.port}/socket/websocket?vsn=2.0.0"
    sockets = [
        await connect(
            url,
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,
            ping_interval=None,
            max_queue=4096,
            proxy=None,
        )
        for token in world.tokens[:SENDERS]
    ]
    found = [Sender(socket, world.rooms[number % len(world.rooms)]) for number, socket in enumerate(sockets)]
    for sender in found:
        await sender.join()
    receivers = [asyncio.create_task(sender.receive()) for sender in found]
    yield found
    for socket in sockets:
        await socket.close()
    await asyncio.gather(*receivers)


async def measure(place: Place, world: World, seconds: float) -> dict[str, float]:
    """One run: warm up, then count."""
    async with senders(place, world) as everyone:
        start = time.perf_counter() + WARM_SECONDS
        work = [asyncio.create_task(sender.send_until(start + seconds)) for sender in everyone]
        await asyncio.sleep(WARM_SECONDS)
        cpu, before = place.cpu(), sum(sender.answered for sender in everyone)
        for sender in everyone:
            sender.latencies.clear()
        await asyncio.sleep(seconds)
        answered = sum(sender.answered for sender in everyone) - before
        elapsed = time.perf_counter() - start
        cpu = place.cpu() - cpu
        latencies = [latency for sender in everyone for latency in sender.latencies]
        await asyncio.gather(*work)
        # Everyone in a room gets every message of it, the sender's own included.
        per_room = len(everyone) // len(world.rooms)
        expected = sum(sender.answered for sender in everyone) * per_room
        deadline = time.perf_counter() + 30
        while sum(sender.delivered for sender in everyone) < expected:
            assert time.perf_counter() < deadline, "acknowledged messages were not delivered"
            await asyncio.sleep(0.01)
    return {
        "rate": answered / elapsed,
        "p50": percentile(latencies, 0.5),
        "p99": percentile(latencies, 0.99),
        "cpu": cpu / answered * 1e6,
        "deliveries": answered * per_room / elapsed,
    }


def check_durable(place: Place, database_url: str) -> None:
    """Raises when the database does not wait for the disk."""
    if not database_url:
        with sqlite3.connect(place.folder / "parley.sqlite3") as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        # ``synchronous`` belongs to each connection of the server, which sets it.
        from config import settings

        assert "synchronous=FULL" in settings.DATABASES["default"]["OPTIONS"]["init_command"]
        return
    with psycopg.connect(database_url) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {name}".encode()).fetchone() == ("on",), name


@contextmanager
def postgres() -> Any:
    """A cluster of its own; its URL."""
    with tempfile.TemporaryDirectory(prefix="parley-b-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "pg", port=free_port())
        server.start()
        try:
            yield server.create_database("bench")
        finally:
            server.stop()


def run(*, seconds: float, runs: int, say: Callable[[str], None]) -> list[Sends]:
    """Both databases, sixteen rooms and one."""
    found = _both("SQLite", "", seconds, runs)
    with postgres() as url:
        found += _both("PostgreSQL", url, seconds, runs)
    for sends in found:
        say(f"sends: {sends.database}, {sends.rooms} room(s): {sends.rate:.0f}/s, p99 {sends.p99 * 1000:.0f} ms")
    return found


def _both(database: str, url: str, seconds: float, runs: int) -> list[Sends]:
    with Place(database_url=url, workers=1) as place:
        check_durable(place, url)
        worlds = {rooms: place.seed(rooms=rooms, members=SENDERS) for rooms in (16, 1)}
        outcomes: dict[int, list[dict[str, float]]] = {rooms: [] for rooms in worlds}
        for _ in range(runs):
            for rooms, world in worlds.items():
                outcomes[rooms].append(asyncio.run(measure(place, world, seconds)))
    return [_sum_up(database, rooms, found) for rooms, found in outcomes.items()]


def _sum_up(database: str, rooms: int, outcomes: list[dict[str, float]]) -> Sends:
    def median(key: str) -> float:
        return statistics.median(outcome[key] for outcome in outcomes)

    rates = [outcome["rate"] for outcome in outcomes]
    numbers = [median(key) for key in ("p50", "p99", "cpu", "deliveries")]
    return Sends(database, rooms, median("rate"), min(rates), max(rates), *numbers)
