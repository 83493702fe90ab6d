"""A person's device without WebSocket: it polls meta and reads the changes when the offset moved."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.support.drivers.rest import NoAnswer, Refusal, RestUser
from tests.support.history import History, MetaSeen, Settled


class PollUser:
    """Polls the meta of one room every ``interval`` seconds, never with two requests in flight."""

    def __init__(self, user: RestUser, room: str, name: str, *, interval: float = 0.1) -> None:
        self.user = user
        self.room = room
        self.stream = f"room:{room}"
        self.interval = interval
        self.history = History(f"{user.username}/{name}", user.user_id)
        self.offset: int | None = None
        self.epoch = ""
        self.polls = 0
        self.not_modified = 0
        self.positions_lost = 0
        # The last answer in full: what a 304 stands for.
        self._etag: dict[str, tuple[str, dict[str, Any]]] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._caught_up = asyncio.Condition()

    async def start(self) -> None:
        """Take a snapshot, then poll until stopped."""
        await self._take_snapshot()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End after the poll that is under way. Raises what ended the polling before."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def kill(self) -> None:
        """End at once (after a failure; after ``stop`` it does nothing)."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.poll_once()
            except NoAnswer:
                # The server is away or starting: the next poll asks the next one.
                self._etag.clear()
            try:
                await asyncio.wait_for(self._stopping.wait(), self.interval)
            except TimeoutError:
                continue

    async def poll_once(self) -> None:
        """One poll, and the pages of changes that it makes necessary."""
        meta = await self._ask_meta()
        if meta["epoch"] != self.epoch:
            await self._take_snapshot()
            return
        assert self.offset is not None
        if meta["offset"] > self.offset:
            await self.read_changes()

    async def _ask_meta(self) -> dict[str, Any]:
        base, asked_at = self.user.base, time.time()
        etag, meta = self._etag.get(base, ("", {}))
        headers = {"If-None-Match": etag} if etag else {}
        response = await self.user.raw("GET", f"rooms/{self.room}/meta", headers=headers)
        self.polls += 1
        if response.status_code == 304:
            self.not_modified += 1
        elif response.status_code == 200:
            meta = response.json()
            self._etag[base] = (response.headers["etag"], meta)
        elif response.status_code >= 500:
            raise NoAnswer(f"meta answered {response.status_code}")
        else:
            raise Refusal(response.status_code, "meta", response.text)
        self.history.add(
            MetaSeen(
                time.time(), asked_at, self.room, meta["offset"], meta["epoch"], meta["lastMessageAt"], server=base
            )
        )
        return meta

    async def read_changes(self) -> None:
        """Pages of changes until there is no more."""
        assert self.offset is not None
        while True:
            try:
                page = await self.user.read_page(self.stream, self.offset, self.epoch, self.history)
            except Refusal as refusal:
                if refusal.code != "position_lost":
                    raise
                await self._take_snapshot()
                return
            if page["changes"]:
                self.offset = page["changes"][-1]["offset"]
            if not page["has_more"]:
                break
        await self._tell()

    async def _take_snapshot(self) -> None:
        # The first page after it begins at the snapshot's offset, as if nothing was known before.
        if self.offset is not None:
            self.positions_lost += 1
        while True:
            try:
                body = await self.user.read_snapshot(self.room, self.history)
                await self.user.read_page(self.stream, body["offset"], body["epoch"], self.history, fresh=True)
                break
            except NoAnswer:
                if self.offset is None:
                    raise
                await asyncio.sleep(self.interval)
            except Refusal as refusal:
                if refusal.code != "position_lost":
                    raise
        self.offset, self.epoch = body["offset"], body["epoch"]
        await self._tell()

    async def _tell(self) -> None:
        async with self._caught_up:
            self._caught_up.notify_all()

    async def reach(self, offset: int, seconds: float, epoch: str | None = None) -> None:
        """Wait until the changes up to ``offset`` (of that epoch) were read. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._caught_up:
            await self._caught_up.wait_for(lambda: (self.offset or 0) >= offset and epoch in (None, self.epoch))

    async def settle(self, offset: int, seconds: float = 20) -> None:
        """Wait until ``offset`` is reached, read the list and the unread count once more, and say so."""
        await self.reach(offset, seconds)
        await self.user.read_snapshot(self.room, self.history)
        await self.user.read_unread(self.room, self.history)
        assert self.offset is not None
        self.history.add(Settled(time.time(), self.stream, self.offset, self.epoch))
