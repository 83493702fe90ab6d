"""Clients of a hub in the test's own process: the whole consumer, and ASGI's events instead of a network."""

from __future__ import annotations

import asyncio
import itertools
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from core.raw import Message
from realtime.routing import application
from tests.realtime import wire
from tests.realtime.wire import Frame

SECONDS = 5.0


class Refused(Exception):
    """The handshake was refused."""


class Client:
    """One socket. ``await client.join(topic)``, ``await client.ask(topic, event, payload)``.

    ``extensions``: of the ASGI scope. ``reads`` False: it takes nothing that is sent to it.
    """

    def __init__(
        self,
        path: str = "/socket/websocket",
        *,
        token: str | None = None,
        vsn: str | None = "2.0.0",
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        subprotocols: list[str] | None = None,
        address: str = "127.0.0.1",
        extensions: dict[str, Any] | None = None,
    ) -> None:
        given = {"host": "testserver", **(headers or {})}
        if token is not None:
            given["authorization"] = f"Bearer {token}"
        parameters = {**({"vsn": vsn} if vsn else {}), **(query or {})}
        self.vsn = 1 if (vsn or ("2" if path == "/ws" else "1")).startswith("1") else 2
        self.scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(parameters).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": (address, 40000),
            "subprotocols": subprotocols or [],
            "extensions": {"websocket.http.response": {}} if extensions is None else extensions,
        }
        self.dialect = "chan:" if path == "/ws" else "phx_"
        self.refs = itertools.count(1)
        self.join_refs: dict[str, Any] = {}
        self.code: int | None = None
        self.reason = ""
        self.subprotocol: str | None = None
        self.reads = asyncio.Event()
        self.reads.set()
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_server: asyncio.Queue[Message] = asyncio.Queue()
        self._seen: list[Frame] = []
        self._task: asyncio.Task[None] | None = None

    # --- the connection -----------------------------------------------------------------------

    async def __aenter__(self) -> Client:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def connect(self) -> Client:
        """Open it. Raises Refused."""
        self._task = asyncio.create_task(application(self.scope, self._to_server.get, self._send))
        await self._to_server.put({"type": "websocket.connect"})
        event = await self._next()
        if event["type"] != "websocket.accept":
            raise Refused(event.get("status", 403), event)
        self.subprotocol = event["subprotocol"]
        return self

    async def disconnect(self) -> None:
        """Be gone without a word."""
        await self._to_server.put({"type": "websocket.disconnect", "code": 1005})
        if self._task is not None:
            await asyncio.wait_for(self._task, SECONDS)

    async def _send(self, event: Message) -> None:
        await self.reads.wait()
        self._from_server.put_nowait(event)

    async def _next(self) -> Message:
        return await asyncio.wait_for(self._from_server.get(), SECONDS)

    # --- frames ---------------------------------------------------------------------------------

    async def raw(self, data: str | bytes) -> None:
        """Send something as it is."""
        kind = "text" if isinstance(data, str) else "bytes"
        await self._to_server.put({"type": "websocket.receive", kind: data})

    async def push(self, topic: Any, event: str, payload: Any, *, ref: Any = ..., join_ref: Any = ...) -> Any:
        """Send a frame; its ref."""
        ref = str(next(self.refs)) if ref is ... else ref
        join_ref = self.join_refs.get(topic) if join_ref is ... else join_ref
        await self.raw(wire.encode(self.vsn, join_ref, ref, topic, event, payload))
        return ref

    async def receive(self) -> Frame | None:
        """The next frame; None when the socket was closed (then ``code`` tells how)."""
        if self._seen:
            return self._seen.pop(0)
        event = await self._next()
        if event["type"] == "websocket.close":
            self.code, self.reason = event["code"], event.get("reason", "")
            return None
        text = event.get("text")
        return wire.decode(self.vsn, event["bytes"] if text is None else text)

    async def frames_until(self, ref: Any) -> tuple[list[Frame], Frame]:
        """What came before the reply to ``ref``, and the reply."""
        before: list[Frame] = []
        while True:
            frame = await self.receive()
            assert frame is not None, f"closed with {self.code} {self.reason} after {before}"
            if frame.ref == ref and frame.event.endswith("reply"):
                return before, frame
            before.append(frame)

    async def ask(self, topic: Any, event: str, payload: Any, **refs: Any) -> dict[str, Any]:
        """Push and return the payload of the reply; what else came is kept for ``receive``."""
        ref = await self.push(topic, event, payload, **refs)
        before, reply = await self.frames_until(ref)
        self._seen = before + self._seen
        return reply.payload  # type: ignore[no-any-return]  # a reply's payload is an object

    async def join(self, topic: str, config: dict[str, Any] | None = None, **payload: Any) -> dict[str, Any]:
        """Join; the payload of the reply."""
        ref = self.join_refs[topic] = str(next(self.refs))
        body = {**({} if config is None else {"config": config}), **payload}
        return await self.ask(topic, f"{self.dialect}join", body, ref=ref, join_ref=ref)

    async def joined(self, topic: str, config: dict[str, Any] | None = None, **payload: Any) -> dict[str, Any]:
        """Join, which must succeed; the response."""
        reply = await self.join(topic, config, **payload)
        assert reply["status"] == "ok", reply
        return reply["response"]  # type: ignore[no-any-return]  # a response is an object

    async def settled(self) -> list[Frame]:
        """All that has come and not been received yet. A heartbeat marks the end: frames keep their order."""
        ref = await self.push("phoenix", "heartbeat", {}, ref=f"beat-{next(self.refs)}", join_ref=None)
        before, _ = await self.frames_until(ref)
        seen, self._seen = self._seen, []
        return seen + before

    async def expect(self, event: str, count: int = 1) -> list[Frame]:
        """The next ``count`` frames, which must be of this event."""
        frames = []
        for _ in range(count):
            frame = await self.receive()
            assert frame is not None, f"closed with {self.code} {self.reason}"
            assert frame.event == event, frame
            frames.append(frame)
        return frames

    async def closing(self) -> tuple[list[Frame], int | None]:
        """What came before the socket was closed, and the code."""
        frames = []
        while (frame := await self.receive()) is not None:
            frames.append(frame)
        return frames, self.code
