"""People of a test and what they do at the same time: the storm that the system tests are about."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.checker import Report, Rules, check
from tests.support.drivers import NoAnswer, PollUser, Refusal, RestUser, SocketUser
from tests.support.final_state import Database, read_final_state
from tests.support.history import FinalState, History, Settled

# What a client does not tell people but tries again.
TRY_AGAIN = {"unavailable", "rate_limited", "unmatched topic"}


async def register(bases: Sequence[str], *names: str) -> list[RestUser]:
    """New people, spread over the servers."""
    people = []
    for number, name in enumerate(names):
        turn = number % len(bases)
        people.append(RestUser([*bases[turn:], *bases[:turn]], name))
    await asyncio.gather(*(person.register() for person in people))
    return people


@dataclass(slots=True)
class Crowd:
    """Everybody of a test, so that it can close them and check what they saw."""

    rooms: list[str] = field(default_factory=list)
    people: list[RestUser] = field(default_factory=list)
    sockets: list[SocketUser] = field(default_factory=list)
    pollers: list[PollUser] = field(default_factory=list)
    others: list[History] = field(default_factory=list)

    def histories(self) -> list[History]:
        """Of every device."""
        devices = [one.history for group in (self.people, self.sockets, self.pollers) for one in group]
        return [*devices, *self.others]

    async def device(self, person: RestUser, name: str, *streams: str, heartbeat: float = 2.0) -> SocketUser:
        """A socket of a person, joined to these streams."""
        socket = SocketUser(person, name, heartbeat=heartbeat)
        self.sockets.append(socket)
        return await socket.start(*streams)

    async def poller(self, person: RestUser, room: str, name: str, interval: float = 0.1) -> PollUser:
        """A device that polls a room."""
        poller = PollUser(person, room, name, interval=interval)
        self.pollers.append(poller)
        await poller.start()
        return poller

    async def settle(self, url: str, seconds: float = 60) -> FinalState:
        """Wait until every reader has what the database has, and take that."""
        final = read_final_state(url, self.rooms)
        await asyncio.gather(
            *(
                socket.settle(stream, final.rooms[stream.removeprefix("room:")].offset, seconds)
                for socket in self.sockets
                for stream in socket.known
                if stream.startswith("room:")
            ),
            *(poller.settle(final.rooms[poller.room].offset, seconds) for poller in self.pollers),
        )
        again = read_final_state(url, self.rooms)
        assert {room.id: room.offset for room in again.rooms.values()} == {
            room.id: room.offset for room in final.rooms.values()
        }, "somebody still wrote while the readers settled"
        return again

    async def __aenter__(self) -> Crowd:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        ends = [one.kill() for one in self.sockets] + [one.kill() for one in self.pollers]
        # What went wrong first is what the test fails with.
        await asyncio.gather(*ends, *(person.close() for person in self.people), return_exceptions=True)

    async def close(self) -> None:
        """Close every device. Raises what ended one of them before its time."""
        for socket in self.sockets:
            await socket.stop()
        for poller in self.pollers:
            await poller.stop()
        for person in self.people:
            await person.close()

    def check(self, final: FinalState, rules: Rules | None = None) -> Report:
        """The checker's report, which must be empty."""
        report = check(self.histories(), final, rules)
        assert not report.verdicts, report.text()
        return report


async def read_log(person: RestUser, room: str, base: str, name: str) -> History:
    """The whole log of a room by pages from one server, as a reader of its own."""
    reader = RestUser([base], name)
    reader.user_id = reader.history.user = person.user_id
    reader.access = person.access
    stream, after, fresh = f"room:{room}", 0, True
    while True:
        page = await reader.read_page(stream, after, None, fresh=fresh)
        after, fresh = page["changes"][-1]["offset"] if page["changes"] else after, False
        if not page["has_more"]:
            break
    reader.history.add(Settled(time.time(), stream, after, page["epoch"]))
    await reader.close()
    return reader.history


async def until_answered(act: Callable[[], Awaitable[Any]], device: SocketUser, seconds: float = 90) -> Any:
    """Do an act again and again until the server says yes or a definite no."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await act()
            except NoAnswer:
                await device.wait_joined()
            except Refusal as refusal:
                if refusal.code not in TRY_AGAIN and refusal.body.get("reason") not in TRY_AGAIN:
                    raise
                await asyncio.sleep(0.05)
                await device.wait_joined()


class Sender:
    """Sends numbered messages over a socket, several under way at once, and loses some answers on purpose."""

    def __init__(
        self, device: SocketUser, rooms: Sequence[str], count: int, *, window: int, drops: float, name: str = ""
    ) -> None:
        self.device = device
        self.name = f"{device.user.username}-{name}"
        self.rooms = rooms
        self.count = count
        self.window = window
        self.drops = drops
        self.answered = 0
        self.dropped = 0
        self._luck = random.Random(self.name)
        self._numbers: Iterator[int] = iter(range(count))

    async def run(self) -> None:
        """Send all; returns when each was answered."""
        await asyncio.gather(*(self._work() for _ in range(self.window)))

    def stop(self) -> None:
        """Begin no more."""
        self._numbers = iter(())

    async def _work(self) -> None:
        while (number := next(self._numbers, None)) is not None:
            await self._send(number)
            self.answered += 1

    async def _send(self, number: int) -> None:
        client_id = f"{self.name}-{number}"
        room = self.rooms[number % len(self.rooms)]
        content = f"{number} of {self.device.user.username}, 你好 {uuid.uuid5(uuid.NAMESPACE_OID, client_id)}"
        drop = self._luck.random() < self.drops

        async def once() -> None:
            nonlocal drop
            drop_now, drop = drop, False
            self.dropped += drop_now
            await (await self.device.begin_send(room, content, client_id, drop_ack=drop_now))

        await until_answered(once, self.device)


class Mixer:
    """Does acts in turn until it is stopped. A server that is away is waited for, and the act repeated."""

    def __init__(self, acts: Sequence[Callable[[], Awaitable[object]]], pause: float) -> None:
        self.done = 0
        self._acts = acts
        self._pause = pause
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End after the act that is under way. Raises what an act raised."""
        self._stopping.set()
        await self._task

    async def _run(self) -> None:
        for act in itertools.cycle(self._acts):
            while True:
                try:
                    await act()
                    break
                except NoAnswer:
                    await asyncio.sleep(self._pause)
            self.done += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._pause)
            if self._stopping.is_set():
                return


def count_rows(url: str, table: str) -> int:
    """How many rows a table has."""
    ((count,),) = Database(url).rows(f"SELECT count(*) FROM {table}")
    return int(count)
