"""Who leaves a room, or is signed out, gets nothing more from any process, while the others miss nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.support.drivers import NoAnswer, PollUser, Refusal, RestUser, SocketUser
from tests.support.history import History, Positioned, Received, Transport
from tests.support.server import Server
from tests.system.crowd import Crowd, Sender, register

ROUNDS = 12


class Guest:
    """Somebody with a socket and a poll on each server, who is put into the room and out of it."""

    def __init__(self, crowd: Crowd, person: RestUser, room: str) -> None:
        self.crowd = crowd
        self.person = person
        self.room = room
        self.stream = f"room:{room}"
        self.joined = 0

    async def stay_a_moment(self, messages: int) -> None:
        """Join by socket, poll from the other server, and stay until some messages came."""
        self.joined += 1
        name = f"stay{self.joined}"
        device = SocketUser(self.person, name)
        other = RestUser([self.person.bases[-1]], self.person.username)
        other.user_id, other.access = self.person.user_id, self.person.access
        poller = PollUser(other, self.room, f"{name}-poll", interval=0.02)
        self.crowd.others += [device.history, poller.history]
        await device.start(self.stream)
        await poller.start()
        offset = device.known[self.stream][1]
        await device.reach(self.stream, offset + messages)
        self.device, self.poller, self.other = device, poller, other

    async def is_out(self) -> None:
        """Wait until both were told; then end them."""
        await self.device.wait_left(self.stream)
        with suppress(Refusal):
            async with asyncio.timeout(5):
                while True:
                    await self.poller.poll_once()
        await self.device.kill()
        await self.poller.kill()
        await self.other.close()


async def test_a_removed_guest_gets_nothing_more(two_servers: list[Server], database_url: str) -> None:
    bases = [server.url for server in two_servers]
    async with Crowd() as crowd:
        crowd.people = await register(bases, "owner", "writer", "reader", "guest")
        owner, writer, reader, guest = crowd.people
        room = await owner.create_room(writer, reader)
        crowd.rooms = [room]
        device = await crowd.device(writer, "socket", f"room:{room}")
        await crowd.device(reader, "socket", f"room:{room}")
        sender = Sender(device, [room], 1_000_000, window=4, drops=0)
        sending = asyncio.create_task(sender.run())
        visitor = Guest(crowd, guest, room)
        for _ in range(ROUNDS):
            await owner.call("POST", f"rooms/{room}/members", json={"user_ids": [guest.user_id]})
            await visitor.stay_a_moment(messages=10)
            await owner.call("DELETE", f"rooms/{room}/members/{guest.user_id}")
            await visitor.is_out()
        sender.stop()
        await sending
        final = await crowd.settle(database_url)
        await crowd.close()
    report = crowd.check(final)
    stays = [history for history in crowd.others if "stay" in history.client and "poll" not in history.client]
    assert len(stays) == ROUNDS
    assert all(_count(history) >= 10 for history in stays)
    assert report.counts["acts:send"] > ROUNDS * 10


def _count(history: History) -> int:
    return sum(isinstance(entry, Received) and entry.transport is Transport.SOCKET for entry in history.entries)


async def test_signing_out_ends_sockets_on_every_server(two_servers: list[Server]) -> None:
    bases = [server.url for server in two_servers]
    async with Crowd() as crowd:
        crowd.people = await register(bases, "leaver", "stayer")
        leaver, stayer = crowd.people
        room = await stayer.create_room(leaver)
        for base in bases:
            device = SocketUser(leaver, base)
            device.bases = [base]
            crowd.sockets.append(device)
            await device.start(f"room:{room}")
        devices = crowd.sockets[:]
        await leaver.call("POST", "auth/logout", json={"everywhere": True})
        for device in devices:
            await device.wait_ended(4501)
        with pytest.raises(Refusal, match="401"):
            await leaver.call("GET", f"rooms/{room}")
        for device in devices:
            with suppress(NoAnswer):
                await stayer.send(room, "nobody of the other hears this")
            positions = [entry for entry in device.history.entries if isinstance(entry, Positioned)]
            assert len(positions) == 1
            assert _count(device.history) == 0
