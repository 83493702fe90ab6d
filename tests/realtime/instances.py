"""Two real server processes on one database and one Redis, and clients with real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ops.processes import die_with_parent
from tests.realtime import wire
from tests.realtime.wire import Frame
from tests.support import places
from tests.support.services import Valkey, free_port, wait_for

SECONDS = 10.0
PASSWORD = "a long enough passphrase 7"


class Instance:
    """One uvicorn process."""

    def __init__(self, number: int, env: dict[str, str], folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._output = folder / f"instance-{number}.txt"
        self._env = {**env, "PARLEY_PROCESS": f"web-{number}"}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        parent = os.getpid()
        command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(self.port)]
        command += ["--ws", "realtime.protocol:SocketProtocol", "--loop", "uvloop", "--lifespan", "on"]
        command += ["--ws-max-size", "262144", "--ws-per-message-deflate", "false", "--no-access-log"]
        command += ["--timeout-graceful-shutdown", "10"]
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=places.ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - no thread of ours runs yet
            )
        wait_for(self._answers, f"a server: {self.output()}")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        return False

    def output(self) -> str:
        """What it printed."""
        return self._output.read_text() if self._output.exists() else ""

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process = None
        return code


class Installation:
    """Two instances, their Redis and their database."""

    def __init__(self, folder: Path) -> None:
        self.redis = Valkey(folder / "redis")
        env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        env |= {
            "PARLEY_HOME": str(folder / "home"),
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "REDIS_URL": self.redis.url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_TO": "stderr",
        }
        self._env = env
        self.instances = [Instance(number, env, folder) for number in (0, 1)]

    def start(self) -> None:
        """Make the database and start all of it."""
        self.redis.start()
        command = [sys.executable, str(places.ROOT / "manage.py"), "migrate", "--verbosity", "0"]
        subprocess.run(command, env=self._env, cwd=places.ROOT, check=True)
        for instance in self.instances:
            instance.start()

    def stop(self) -> None:
        """Stop it."""
        for instance in self.instances:
            instance.stop()
        self.redis.stop()


class Person:
    """Somebody with an account, by REST."""

    def __init__(self, api: httpx.AsyncClient, answer: dict[str, Any]) -> None:
        self.api = api
        self.id: str = answer["user"]["id"]
        self.token: str = answer["access"]
        self.refresh: str = answer["refresh"]

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """A request; its body."""
        headers = {"authorization": f"Bearer {self.token}"}
        answer = await self.api.request(method, f"/api/v1/{path}", json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def room(self, *members: Person) -> str:
        """A new group; its id."""
        body = {"kind": "group", "name": "a room", "member_ids": [member.id for member in members]}
        return str((await self.call("POST", "rooms", body))["id"])

    async def send(self, room: str, content: str) -> dict[str, Any]:
        """A message by REST."""
        message: dict[str, Any] = await self.call("POST", f"rooms/{room}/messages", {"content": content})
        return message


_people = itertools.count(1)


async def new_person(api: httpx.AsyncClient, name: str = "person") -> Person:
    """Register somebody."""
    body = {"username": f"{name}-{os.getpid()}-{next(_people)}", "password": PASSWORD}
    answer = await api.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return Person(api, answer.json())


class Socket:
    """A real socket at vsn 2."""

    def __init__(
        self, instance: Instance, token: str | None, *, path: str = "/socket/websocket", **options: Any
    ) -> None:
        self._url = f"ws://127.0.0.1:{instance.port}{path}?vsn=2.0.0"
        self._headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self._options = {"compression": None, "ping_interval": None, "max_size": None, "proxy": None, **options}
        self._refs = itertools.count(1)
        self.join_refs: dict[str, str] = {}
        self._seen: list[Frame] = []
        self.line: ClientConnection

    async def __aenter__(self) -> Socket:
        self.line = await connect(self._url, additional_headers=self._headers, **self._options)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.line.close()

    async def push(self, topic: str, event: str, payload: Any, *, ref: str | None = None) -> str:
        """Send a frame; its ref."""
        ref = ref or str(next(self._refs))
        await self.line.send(wire.encode(2, self.join_refs.get(topic), ref, topic, event, payload))
        return ref

    async def receive(self) -> Frame:
        """The next frame. Raises ConnectionClosed, TimeoutError."""
        if self._seen:
            return self._seen.pop(0)
        async with asyncio.timeout(SECONDS):
            return wire.decode(2, await self.line.recv())

    async def ask(self, topic: str, event: str, payload: Any, *, ref: str | None = None) -> dict[str, Any]:
        """Push, and the payload of the reply; what else came is kept."""
        ref = await self.push(topic, event, payload, ref=ref)
        before: list[Frame] = []
        while (frame := await self.receive()).ref != ref or not frame.event.endswith("reply"):
            before.append(frame)
        self._seen = before
        return frame.payload  # type: ignore[no-any-return]  # a reply's payload is an object

    async def joined(self, topic: str, **config: Any) -> dict[str, Any]:
        """Join, which must succeed; the response."""
        ref = self.join_refs[topic] = str(next(self._refs))
        reply = await self.ask(topic, "phx_join", {"config": config} if config else {}, ref=ref)
        assert reply["status"] == "ok", reply
        return reply["response"]  # type: ignore[no-any-return]  # a response is an object

    async def until(self, event: str) -> Frame:
        """The next frame of this event, passing over others."""
        while (frame := await self.receive()).event != event:
            pass
        return frame

    async def settled(self) -> list[Frame]:
        """All that has come; a heartbeat marks the end."""
        ref = await self.push("phoenix", "heartbeat", {}, ref=f"beat-{next(self._refs)}")
        before = []
        while (frame := await self.receive()).ref != ref:
            before.append(frame)
        return before

    async def closing(self) -> tuple[list[Frame], int | None]:
        """What came before the end, and the code."""
        frames = []
        try:
            while True:
                frames.append(await self.receive())
        except ConnectionClosed:
            return frames, self.line.close_code
