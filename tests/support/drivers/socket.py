"""A person's device on WebSocket: joins with recovery, sees gaps, fills them, comes back after every cut."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from tests.support.drivers.recording import Attempt, essence
from tests.support.drivers.rest import NoAnswer, Refusal, RestUser
from tests.support.history import Act, History, Positioned, Received, Settled, Transport

TIMEOUT = 15.0  # seconds
# From here on a close code is final.
FINAL_CODES = range(4500, 5000)

Reply = Callable[[str, dict[str, Any]], None]


class Ended(Exception):
    """The server closed the socket for good, or refused a join; ``code`` is that of the close."""

    def __init__(self, sentence: str, code: int = 0) -> None:
        super().__init__(sentence)
        self.code = code


class SocketUser:
    """One socket of a person, kept open until ``stop``. It speaks vsn 2."""

    def __init__(self, user: RestUser, name: str, *, heartbeat: float = 2.0) -> None:
        self.user = user
        self.history = History(f"{user.username}/{name}", user.user_id)
        self.heartbeat = heartbeat
        self.bases = list(user.bases)
        # Where this device stands in each stream: (epoch, offset up to which it knows everything).
        self.known: dict[str, tuple[str, int]] = {}
        # Counted for the tests: connections made, positions lost, holes filled, heads that were ahead.
        self.connections = 0
        self.positions_lost = 0
        self.fills = 0
        self._ahead: dict[str, set[int]] = {}
        self._wanted: dict[str, int] = {}
        self._filling: dict[str, asyncio.Task[None]] = {}
        self._wanted_topics: list[str] = []
        self._joined: dict[str, str] = {}
        self._replies: dict[str, Reply] = {}
        self._refs = itertools.count(1)
        self._socket: ClientConnection | None = None
        # Who waits for something to hold: looked at after each frame, so there are few.
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    # --- the connection ------------------------------------------------------------------

    async def start(self, *streams: str) -> SocketUser:
        """Connect and join these streams; returns when all are joined."""
        self._wanted_topics.extend(streams)
        self._task = asyncio.create_task(self._run())
        await self.wait_joined()
        return self

    async def wait_joined(self, seconds: float = TIMEOUT) -> None:
        """Wait until every wanted stream is joined. Raises what ended the device."""
        joined = asyncio.create_task(self._wait_for(lambda: set(self._wanted_topics) <= self._joined.keys(), seconds))
        assert self._task is not None
        await asyncio.wait([joined, self._task], return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            joined.cancel()
            self._task.result()
        await joined

    async def wait_left(self, stream: str, seconds: float = TIMEOUT) -> None:
        """Wait until the server has closed this channel."""
        await self._wait_for(lambda: stream not in self._wanted_topics, seconds)

    async def wait_ended(self, code: int, seconds: float = TIMEOUT) -> None:
        """Wait until the server has closed the socket for good, with this code."""
        assert self._task is not None
        done, _ = await asyncio.wait([self._task], timeout=seconds)
        error = self._task.exception() if done else None
        assert isinstance(error, Ended), f"the socket was not ended: {error!r}"
        assert error.code == code, error

    async def stop(self) -> None:
        """Close the socket. Raises what ended the device before."""
        self._stopping = True
        if self._socket is not None:
            await self._socket.close()
        for task in list(self._filling.values()):
            await task
        if self._task is not None:
            await self._task

    async def kill(self) -> None:
        """End whatever runs, without a word (after a failure; after ``stop`` it does nothing)."""
        self._stopping = True
        tasks = [task for task in (self._task, *self._filling.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break the connection without a word, as a lost network does."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def _run(self) -> None:
        delay = 0.02
        while not self._stopping:
            base = self.bases[0].replace("http", "ws", 1)
            try:
                async with connect(
                    f"{base}/socket/websocket?vsn=2.0.0",
                    additional_headers={"Authorization": f"Bearer {self.user.access}"},
                    compression=None,
                    ping_interval=None,
                    max_size=None,
                    max_queue=1024,
                    open_timeout=TIMEOUT,
                    proxy=None,
                ) as socket:
                    delay = 0.02
                    self.connections += 1
                    self._socket = socket
                    await self._talk(socket)
            except (OSError, WebSocketException, TimeoutError) as error:
                if isinstance(error, InvalidStatus) and error.response.status_code < 500:
                    raise Ended(f"the socket was refused: {error.response.status_code}") from error
                self.bases.append(self.bases.pop(0))
            finally:
                self._socket = None
                self._joined.clear()
                self._fail_all()
            if not self._stopping:
                await asyncio.sleep(delay * random.uniform(0.5, 1))
                delay = min(delay * 2, 0.5)

    async def _talk(self, socket: ClientConnection) -> None:
        beat = asyncio.create_task(self._beat())
        try:
            for topic in self._wanted_topics:
                await self._join(topic)
            async for raw in socket:
                await self._handle(raw)
        except ConnectionClosed:
            pass
        finally:
            beat.cancel()
        if socket.close_code in FINAL_CODES and not self._stopping:
            raise Ended(f"closed with {socket.close_code} {socket.close_reason}", socket.close_code or 0)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.heartbeat)
            await self._send_frame(None, "phoenix", "heartbeat", {}, self._heads)

    def _heads(self, status: str, response: Mapping[str, Any]) -> None:
        for stream, head in response.get("heads", {}).items():
            if stream in self.known and head > self.known[stream][1]:
                self._want(stream, head)

    async def _handle(self, raw: str | bytes) -> None:
        _, ref, topic, event, payload = orjson.loads(raw)
        if event in ("phx_reply", "chan:reply"):
            take = self._replies.pop(ref, None)
            if take is not None:
                take(payload["status"], payload["response"])
        elif event in ("phx_close", "phx_error", "chan:close", "chan:error"):
            self._joined.pop(topic, None)
            if event.endswith("close") and topic in self._wanted_topics:
                self._wanted_topics.remove(topic)
            elif topic in self._wanted_topics:
                await self._join(topic)
        elif isinstance(payload, dict) and "offset" in payload and topic in self._wanted_topics:
            self._take_change(topic, event, payload)
        if self._waiting:
            self._tell()

    def _tell(self) -> None:
        for condition, future in self._waiting[:]:
            if not future.done() and condition():
                future.set_result(None)

    async def _wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        if condition():
            return
        waiting = (condition, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(seconds):
                await waiting[1]
        finally:
            self._waiting.remove(waiting)

    # --- positions ---------------------------------------------------------------------------

    async def _join(self, stream: str) -> None:
        known = self.known.get(stream)
        recover = {"epoch": known[0], "offset": known[1]} if known else None
        payload = {"config": {"recover": recover}} if recover else {}
        ref = str(next(self._refs))

        def take(status: str, response: Mapping[str, Any]) -> None:
            if status != "ok":
                if stream in self._wanted_topics:
                    self._wanted_topics.remove(stream)
                raise Ended(f"the join of {stream} was refused: {response}")
            self._joined[stream] = ref
            self._begin(stream, known, response)

        await self._send_frame(ref, stream, "phx_join", payload, take, ref=ref)

    def _begin(self, stream: str, known: tuple[str, int] | None, response: Mapping[str, Any]) -> None:
        position = response["position"]
        epoch, offset = position["epoch"], position["offset"]
        recovered = bool(response.get("recovered")) and known is not None
        if recovered and known is not None:
            epoch, offset = known
        elif known is not None:
            self.positions_lost += 1
            self._ahead.pop(stream, None)
            self._wanted.pop(stream, None)
        self.known[stream] = (epoch, offset)
        self.history.add(Positioned(time.time(), stream, Transport.SOCKET, offset, epoch, fresh=not recovered))

    def _take_change(self, stream: str, event: str, payload: Mapping[str, Any]) -> None:
        offset, epoch = payload["offset"], payload["epoch"]
        self.history.add(Received(time.time(), stream, Transport.SOCKET, offset, epoch, event, essence(payload)))
        self._learn(stream, offset)
        if offset > self.known[stream][1]:
            self._want(stream, offset)

    def _learn(self, stream: str, offset: int) -> None:
        epoch, known = self.known[stream]
        if offset <= known:
            return
        ahead = self._ahead.setdefault(stream, set())
        ahead.add(offset)
        while known + 1 in ahead:
            known += 1
            ahead.discard(known)
        self.known[stream] = (epoch, known)

    def _want(self, stream: str, offset: int) -> None:
        """What lies up to ``offset`` and did not come is read from the log."""
        self._wanted[stream] = max(offset, self._wanted.get(stream, 0))
        if stream not in self._filling:
            self._filling[stream] = asyncio.create_task(self._fill(stream))

    async def _fill(self, stream: str) -> None:
        try:
            while self.known[stream][1] < self._wanted.get(stream, 0) and not self._stopping:
                epoch, known = self.known[stream]
                try:
                    page = await self.user.read_page(stream, known, epoch, self.history)
                except NoAnswer:
                    await asyncio.sleep(0.1)
                    continue
                except Refusal as refusal:
                    if refusal.code != "position_lost":
                        raise
                    # The next join will say the same and begin anew.
                    self.cut()
                    return
                self.fills += 1
                for change in page["changes"]:
                    self._learn(stream, change["offset"])
        finally:
            del self._filling[stream]
            self._tell()

    async def reach(self, stream: str, offset: int, seconds: float = 20, epoch: str | None = None) -> None:
        """Wait until everything up to ``offset`` (of that epoch) is known. Raises TimeoutError."""

        def reached() -> bool:
            position = self.known.get(stream, ("", 0))
            return position[1] >= offset and epoch in (None, position[0])

        await self._wait_for(reached, seconds)

    async def settle(self, stream: str, offset: int, seconds: float = 20) -> None:
        """Wait until ``offset`` is reached and say so."""
        await self.reach(stream, offset, seconds)
        epoch, known = self.known[stream]
        self.history.add(Settled(time.time(), stream, known, epoch))

    # --- pushes ------------------------------------------------------------------------------

    async def _send_frame(
        self, join_ref: str | None, topic: str, event: str, payload: Any, take: Reply, ref: str | None = None
    ) -> None:
        ref = ref or str(next(self._refs))
        socket = self._socket
        if socket is None:
            take("gone", {})
            return
        self._replies[ref] = take
        try:
            await socket.send(orjson.dumps([join_ref, ref, topic, event, payload]).decode())
        except ConnectionClosed:
            if self._replies.pop(ref, None) is not None:
                take("gone", {})

    def _fail_all(self) -> None:
        replies, self._replies = self._replies, {}
        for take in replies.values():
            take("gone", {})

    async def begin(
        self, stream: str, event: str, payload: Any, attempt: Attempt | None = None
    ) -> asyncio.Future[dict[str, Any]]:
        """Push, without waiting for the reply: the future brings its response, Refusal or NoAnswer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[dict[str, Any]] = loop.create_future()

        def take(status: str, response: dict[str, Any]) -> None:
            too_late.cancel()
            if future.done():
                return
            if status == "ok":
                if attempt is not None:
                    attempt.answered(response.get("message"), seq=payload.get("seq"))
                future.set_result(response)
            elif status == "gone":
                if attempt is not None:
                    attempt.unanswered()
                future.set_exception(NoAnswer(f"{event} on {stream}"))
            else:
                if attempt is not None:
                    attempt.refused(str(response.get("code")))
                future.set_exception(Refusal(0, str(response.get("code")), response))

        too_late = loop.call_later(TIMEOUT, take, "gone", {})
        await self._send_frame(self._joined.get(stream), stream, event, payload, take)
        return future

    async def push(self, stream: str, event: str, payload: Any, attempt: Attempt | None = None) -> dict[str, Any]:
        """Push and wait for the response."""
        return await (await self.begin(stream, event, payload, attempt))

    async def begin_send(
        self, room: str, content: str, client_id: str, *, drop_ack: bool = False
    ) -> asyncio.Future[dict[str, Any]]:
        """Send a message without waiting. ``drop_ack``: the answer is thrown away, as if it had been lost."""
        attempt = Attempt(self.history, Act.SEND, client_id, room, content=content)
        future = await self.begin(f"room:{room}", "message:send", {"content": content, "client_id": client_id}, attempt)
        if drop_ack and not future.done():
            attempt.unanswered()
            future.set_exception(NoAnswer("dropped on purpose"))
        return future

    async def send(self, room: str, content: str, client_id: str | None = None) -> dict[str, Any]:
        """Send a message and wait for the answer."""
        return await (await self.begin_send(room, content, client_id or uuid.uuid4().hex))

    async def edit(self, room: str, message_id: str, content: str) -> dict[str, Any]:
        """Edit a message."""
        attempt = Attempt(self.history, Act.EDIT, uuid.uuid4().hex, room, content=content, message_id=message_id)
        payload = {"message_id": message_id, "content": content}
        return await self.push(f"room:{room}", "message:edit", payload, attempt)

    async def recall(self, room: str, message_id: str) -> dict[str, Any]:
        """Recall a message."""
        attempt = Attempt(self.history, Act.RECALL, uuid.uuid4().hex, room, message_id=message_id)
        return await self.push(f"room:{room}", "message:recall", {"message_id": message_id}, attempt)

    async def read(self, room: str, seq: int) -> dict[str, Any]:
        """Move the read position."""
        attempt = Attempt(self.history, Act.READ, uuid.uuid4().hex, room)
        return await self.push(f"room:{room}", "read", {"seq": seq}, attempt)
