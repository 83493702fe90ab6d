"""Two hundred pollers of one room: the naive client of the specification against ours.

Three clients, each on the same running server, one after the other:

* naive: asks for the whole list of 50 every 3 s, whether or not the last answer has come, and the
  server asks the database for everything (``bench.naive``);
* naive on Parley: the same client, but Parley's own list, with its caches;
* ours: asks ``meta`` every 2.5 s with the ETag, one request at a time, and reads
  ``changes?after=`` when the offset has moved.

A cell lasts at least a minute of real time; nothing is extrapolated.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bench.place import Place, World
from bench.wire import Connection, Traffic, percentile

POLLERS = 200
NAIVE_SECONDS = 3.0
META_SECONDS = 2.5
SETTLE_SECONDS = 2.0
TEXT = "The tide tables for next week are in the shared folder, please check yours by Thursday evening, number {}."


@dataclass
class Seen:
    """When each message was acknowledged to its sender, and how long the pollers took to have it."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)

    def message(self, message_id: str) -> None:
        """A poller has a message that it did not have."""
        at = self.acknowledged.get(message_id)
        if at is not None:
            self.delays.append(time.perf_counter() - at)


@dataclass(frozen=True)
class Cell:
    """What one client cost in one minute, at one rate."""

    client: str
    rate: float
    seconds: float
    requests: int
    queries: int
    sent: int
    received: int
    cpu: float
    latencies: dict[str, list[float]]
    delays: list[float]
    messages: int
    # Of all pollers and messages, how often a poller had a message by the end of the cell.
    delivered: int

    @property
    def bytes(self) -> int:
        """Both directions."""
        return self.sent + self.received

    def latency(self, share: float) -> float:
        """Over all requests, in seconds."""
        return percentile([value for values in self.latencies.values() for value in values], share)


class NaivePoller:
    """Asks for the whole list every 3 s, without a guard."""

    def __init__(self, port: int, token: str, room: str, traffic: Traffic, seen: Seen, path: str) -> None:
        self._new = partial(Connection, port, token, traffic)
        self._path = path.format(room=room)
        self._free: list[Connection] = []
        self._all: list[Connection] = []
        self._seen = seen
        self._known: set[str] | None = None

    async def run(self, until: float, offset: float) -> None:
        """Poll until the time ``until`` (of the loop), beginning after ``offset`` seconds."""
        loop = asyncio.get_running_loop()
        due = loop.time() + offset
        async with asyncio.TaskGroup() as polls:
            while due < until:
                await asyncio.sleep(due - loop.time())
                polls.create_task(self._poll())
                due += NAIVE_SECONDS
        for connection in self._all:
            connection.close()

    async def _poll(self) -> None:
        if not self._free:
            self._free.append(self._new())
            self._all.append(self._free[-1])
        connection = self._free.pop()
        answer = await connection.request("GET", self._path, kind="list")
        self._free.append(connection)
        assert answer.status == 200, answer
        ids = {message["id"] for message in json.loads(answer.body)["messages"]}
        if self._known is not None:
            for message in ids - self._known:
                self._seen.message(message)
        self._known = ids | (self._known or set())


class OurPoller:
    """Asks for meta every 2.5 s, and for the changes when there are any."""

    def __init__(self, port: int, token: str, room: str, traffic: Traffic, seen: Seen, _: str) -> None:
        self._connection = Connection(port, token, traffic)
        self._room = room
        self._seen = seen
        self._etag = ""
        self._offset: int | None = None

    async def run(self, until: float, offset: float) -> None:
        """Poll until the time ``until`` (of the loop), beginning after ``offset`` seconds."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(offset)
        while loop.time() < until:
            due = loop.time() + META_SECONDS
            await self._poll()
            await asyncio.sleep(max(0.0, due - loop.time()))
        self._connection.close()

    async def _poll(self) -> None:
        path = f"/api/v1/rooms/{self._room}/meta"
        answer = await self._connection.request("GET", path, kind="meta", etag=self._etag)
        if answer.status == 304:
            return
        assert answer.status == 200, answer
        self._etag = answer.etag
        meta = json.loads(answer.body)
        if self._offset is None:
            self._offset = meta["offset"]
        while self._offset < meta["offset"]:
            path = f"/api/v1/rooms/{self._room}/changes?after={self._offset}&epoch={meta['epoch']}"
            page = json.loads((await self._connection.request("GET", path, kind="changes")).body)
            for change in page["changes"]:
                self._offset = change["offset"]
                self._seen.message(change["payload"]["message"]["id"])


@dataclass(frozen=True)
class Client:
    """One of the three."""

    name: str
    poller: type[NaivePoller | OurPoller]
    interval: float
    path: str = ""


CLIENTS = [
    Client("naive", NaivePoller, NAIVE_SECONDS, "/naive/rooms/{room}/messages"),
    Client("naive on Parley", NaivePoller, NAIVE_SECONDS, "/api/v1/rooms/{room}/messages?limit=50"),
    Client("ours", OurPoller, META_SECONDS),
]


async def send(port: int, token: str, room: str, seen: Seen, *, rate: float, seconds: float) -> int:
    """Send ``rate`` messages a second, evenly, however long the answers take; how many."""
    count = max(1, round(rate * seconds))
    began = time.perf_counter()
    async with asyncio.TaskGroup() as sending:
        for number in range(count):
            due = began + (number + 0.5) * seconds / count
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sending.create_task(_send_one(port, token, room, seen, f"{began}-{number}"))
    return count


async def _send_one(port: int, token: str, room: str, seen: Seen, client_id: str) -> None:
    connection = Connection(port, token, Traffic())
    body = json.dumps({"content": TEXT.format(client_id), "client_id": client_id}).encode()
    answer = await connection.request("POST", f"/api/v1/rooms/{room}/messages", kind="send", body=body)
    assert answer.status == 201, answer
    seen.acknowledged[json.loads(answer.body)["id"]] = time.perf_counter()
    connection.close()


async def measure(place: Place, world: World, client: Client, *, rate: float, seconds: float) -> Cell:
    """One cell: everybody polls once to warm up, then it is counted."""
    traffic, seen = Traffic(), Seen()
    room, sender = world.rooms[0], world.tokens[-1]
    pollers = [client.poller(place.port, token, room, traffic, seen, client.path) for token in world.tokens[:POLLERS]]
    loop = asyncio.get_running_loop()
    warm = loop.time() + client.interval + SETTLE_SECONDS
    # The last message has a whole interval to reach everyone.
    until = warm + seconds
    stagger = client.interval / len(pollers)
    tasks = [
        asyncio.create_task(poller.run(until + client.interval, number * stagger))
        for number, poller in enumerate(pollers)
    ]
    await asyncio.sleep(warm - loop.time())
    queries, cpu = await asyncio.to_thread(place.queries), place.cpu()
    sent, received, requests = traffic.sent, traffic.received, traffic.requests
    traffic.latencies.clear()
    began = loop.time()
    messages = await send(place.port, sender, room, seen, rate=rate, seconds=seconds)
    await asyncio.sleep(max(0.0, until - loop.time()))
    cell_seconds = loop.time() - began
    latencies = {kind: list(values) for kind, values in traffic.latencies.items()}
    sent, received = traffic.sent - sent, traffic.received - received
    requests, cpu = traffic.requests - requests, place.cpu() - cpu
    await asyncio.sleep(1.0)  # the server tells its counters once a second
    queries = await asyncio.to_thread(place.queries) - queries
    for task in tasks:
        await task
    return Cell(
        client.name,
        rate,
        cell_seconds,
        requests,
        queries,
        sent,
        received,
        cpu,
        latencies,
        list(seen.delays),
        messages,
        len(seen.delays),
    )


def run(*, seconds: float, say: Callable[[str], None]) -> list[Cell]:
    """All cells, on one server."""
    cells = []
    with Place() as place:
        world = place.seed(rooms=1, members=POLLERS + 1, history=200)
        for rate in (1 / 60, 1.0):
            for client in CLIENTS:
                cell = asyncio.run(measure(place, world, client, rate=rate, seconds=seconds))
                say(
                    f"polling: {client.name}, {rate:.3f} messages/s: {cell.queries} queries, {cell.bytes} bytes, "
                    f"p50 {cell.latency(0.5) * 1000:.1f} ms, p99 {cell.latency(0.99) * 1000:.1f} ms"
                )
                cells.append(cell)
    return cells
