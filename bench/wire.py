"""A small HTTP/1.1 client that knows how many bytes went over the wire, in both directions."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(slots=True)
class Answer:
    """A response. ``seconds`` from the first byte sent to the last byte received."""

    status: int
    etag: str
    body: bytes
    seconds: float


@dataclass
class Traffic:
    """What was sent and received, and how long each kind of request took."""

    sent: int = 0
    received: int = 0
    latencies: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def requests(self) -> int:
        """How many requests were answered."""
        return sum(self.statuses.values())


class Connection:
    """One keep-alive connection, one request at a time."""

    def __init__(self, port: int, token: str, traffic: Traffic) -> None:
        self._port = port
        self._traffic = traffic
        # About what a browser sends beside the token.
        self._headers = (
            f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n"
            "Accept-Encoding: gzip, deflate\r\nUser-Agent: parley-bench\r\n"
        )
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def request(self, method: str, path: str, *, kind: str, etag: str = "", body: bytes = b"") -> Answer:
        """Ask and wait for the answer. ``kind`` says under which name its latency is kept."""
        reader, writer = await self._open()
        condition = f"If-None-Match: {etag}\r\n" if etag else ""
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        request = f"{method} {path} HTTP/1.1\r\n{self._headers}{condition}{content}\r\n".encode() + body
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        status = int(lines[0].split(" ", 2)[1])
        payload = b""
        if status != 304:
            payload = await reader.readexactly(int(headers["content-length"]))
        seconds = time.perf_counter() - began
        self._traffic.sent += len(request)
        self._traffic.received += len(head) + len(payload)
        self._traffic.latencies[kind].append(seconds)
        self._traffic.statuses[status] += 1
        return Answer(status, headers.get("etag", ""), payload, seconds)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        return self._reader, self._writer

    def close(self) -> None:
        """Close it."""
        if self._writer is not None:
            self._writer.close()


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of the values lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
