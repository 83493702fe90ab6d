"""A load generator on bare sockets: each connection asks, waits for the answer, and asks again.

Run as a program, so that it has a process (and a core) of its own; JSON in, JSON out. In Python a
generator built on a client library would be slower than the server that it measures.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from collections import Counter
from typing import Any


class Lane:
    """One connection and the request that it repeats."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = request
        self.buffer = b""
        self.began = 0.0

    def ask(self) -> None:
        """Send the request."""
        self.began = time.perf_counter()
        self.socket.sendall(self.request)

    def receive(self) -> bytes | None:
        """The whole answer once it is there."""
        data = self.socket.recv(262_144)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return None
        at = self.buffer.find(b"content-length: ", 0, head)
        length = int(self.buffer[at + 16 : self.buffer.find(b"\r", at)]) if at >= 0 else 0
        if len(self.buffer) < head + 4 + length:
            return None
        answer, self.buffer = self.buffer, b""
        return answer


def drive(port: int, requests: list[str], seconds: float, warm: float) -> dict[str, Any]:
    """Ask for ``warm`` + ``seconds`` seconds; what the last ``seconds`` brought."""
    lanes = [Lane(port, request.encode("latin-1")) for request in requests]
    poller = select.epoll()
    by_file = {lane.socket.fileno(): lane for lane in lanes}
    for file in by_file:
        poller.register(file, select.EPOLLIN)
    latencies: list[float] = []
    statuses: Counter[str] = Counter()
    received = 0
    start = time.perf_counter() + warm
    end = start + seconds
    for lane in lanes:
        lane.ask()
    now = time.perf_counter()
    while now < end:
        for file, _ in poller.poll(1.0):
            lane = by_file[file]
            answer = lane.receive()
            if answer is None:
                continue
            now = time.perf_counter()
            if now >= start:
                latencies.append(now - lane.began)
                statuses[answer[9:12].decode()] += 1
                received += len(answer)
            lane.ask()
    latencies.sort()
    count = len(latencies)
    return {
        "rate": count / seconds,
        "p50": latencies[count // 2],
        "p99": latencies[int(count * 0.99)],
        "bytes": received / count,
        "statuses": statuses,
    }


def main() -> None:
    """Read the order from stdin, print the outcome."""
    order = json.load(sys.stdin)
    if order["cpu"] is not None:
        os.sched_setaffinity(0, {order["cpu"]})
    print(json.dumps(drive(order["port"], order["requests"], order["seconds"], order["warm"])))


if __name__ == "__main__":
    main()
