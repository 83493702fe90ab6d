"""How many polls one web process answers, at most: raw routes against Django's views.

The web process has one core to itself and the generator another (where there are two). What counts
beside the rate is the processor time per answer, which other work on the machine touches less.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.place import ROOT, Place, World
from bench.wire import Connection, Traffic

LANES = 32
WARM_SECONDS = 1.0
MEMBERS = 200


@dataclass(frozen=True)
class Kind:
    """A question, and what it is called in the report."""

    name: str
    path: str
    tagged: bool = False


KINDS = [
    Kind("naive list of 50", "/naive/rooms/{room}/messages"),
    Kind("list of 50, cached", "/api/v1/rooms/{room}/messages?limit=50"),
    Kind("changes, cached", "/api/v1/rooms/{room}/changes?after={after}"),
    Kind("me/meta", "/api/v1/me/meta?since={cursor}"),
    Kind("meta, 200", "/api/v1/rooms/{room}/meta"),
    Kind("meta, 304", "/api/v1/rooms/{room}/meta", tagged=True),
]


@dataclass(frozen=True)
class Rate:
    """Medians over the runs. ``cpu``: the web process's microseconds per answer."""

    name: str
    rate: float
    low: float
    high: float
    p50: float
    p99: float
    cpu: float
    bytes: float


async def prepare(place: Place, world: World, kind: Kind) -> list[str]:
    """The request of each lane, as it goes over the wire."""
    requests = []
    for token in world.tokens[:LANES]:
        connection = Connection(place.port, token, Traffic())
        meta = await connection.request("GET", f"/api/v1/rooms/{world.rooms[0]}/meta", kind="")
        mine = await connection.request("GET", "/api/v1/me/meta", kind="")
        after = json.loads(meta.body)["offset"] - 3
        path = kind.path.format(room=world.rooms[0], after=after, cursor=json.loads(mine.body)["cursor"])
        tag = f"If-None-Match: {meta.etag}\r\n" if kind.tagged else ""
        requests.append(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nAuthorization: Bearer {token}\r\n{tag}\r\n"
        )
        connection.close()
    return requests


def drive(port: int, requests: list[str], seconds: float, cpu: int | None) -> dict[str, float]:
    """One run of the generator, in a process of its own."""
    order = {"port": port, "requests": requests, "seconds": seconds, "warm": WARM_SECONDS, "cpu": cpu}
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=True,
    )
    outcome: dict[str, float] = json.loads(done.stdout)
    return outcome


def pin(pid: int, cpu: int) -> None:
    """Give a process, with all its threads, one core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {cpu})


async def run(*, seconds: float, runs: int, say: Callable[[str], None]) -> list[Rate]:
    """All kinds, in turn, ``runs`` times."""
    found: dict[str, list[dict[str, float]]] = {kind.name: [] for kind in KINDS}
    cores = sorted(os.sched_getaffinity(0))
    with Place() as place:
        world = place.seed(rooms=1, members=MEMBERS, history=200)
        if len(cores) > 1:
            pin(place.server.pid("web-0"), cores[0])
        for _ in range(runs):
            for kind in KINDS:
                requests = await prepare(place, world, kind)
                before = place.cpu()
                outcome = drive(place.port, requests, seconds, cores[-1] if len(cores) > 1 else None)
                expected = "304" if kind.tagged else "200"
                assert set(outcome["statuses"]) == {expected}, outcome  # type: ignore[call-overload]  # a dict of JSON
                answered = outcome["rate"] * (seconds + WARM_SECONDS)
                outcome["cpu"] = (place.cpu() - before) / answered * 1e6
                found[kind.name].append(outcome)
    rates = [_sum_up(name, outcomes) for name, outcomes in found.items()]
    for rate in rates:
        say(f"rates: {rate.name}: {rate.rate:.0f}/s, {rate.cpu:.0f} µs of processor time each")
    return rates


def _sum_up(name: str, outcomes: list[dict[str, float]]) -> Rate:
    def median(key: str) -> float:
        return statistics.median(outcome[key] for outcome in outcomes)

    rates = [outcome["rate"] for outcome in outcomes]
    return Rate(
        name, median("rate"), min(rates), max(rates), median("p50"), median("p99"), median("cpu"), median("bytes")
    )
