"""The wire between real processes: two servers, one Redis that dies and comes back, sockets that stop reading."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from realtime.close_codes import CloseCode
from tests.realtime.instances import Installation, Instance, Person, Socket, new_person


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Started once: what a test breaks it mends."""
    new = Installation(tmp_path_factory.mktemp("two"))
    new.start()
    yield new
    new.stop()


@pytest.fixture
def one(installation: Installation) -> Instance:
    return installation.instances[0]


@pytest.fixture
def two(installation: Installation) -> Instance:
    return installation.instances[1]


@pytest.fixture
async def anna(one: Instance) -> AsyncIterator[Person]:
    """She speaks to the first instance."""
    async with httpx.AsyncClient(base_url=one.url, timeout=20) as api:
        yield await new_person(api, "anna")


@pytest.fixture
async def ben(two: Instance) -> AsyncIterator[Person]:
    """He speaks to the second one."""
    async with httpx.AsyncClient(base_url=two.url, timeout=20) as api:
        yield await new_person(api, "ben")


async def test_messages_cross(one: Instance, two: Instance, anna: Person, ben: Person) -> None:
    room = f"room:{await anna.room(ben)}"
    async with Socket(one, anna.token) as hers, Socket(two, ben.token) as his:
        await hers.joined(room)
        await his.joined(room)
        sent = await hers.ask(room, "message:send", {"content": "hello", "client_id": "1"})
        again = await hers.ask(room, "message:send", {"content": "hello", "client_id": "1"})
        assert again["status"] == "ok", again
        assert sent["response"]["message"]["id"] == again["response"]["message"]["id"]
        got = await his.until("message:created")
        assert got.payload["message"] == sent["response"]["message"]
        message_id = got.payload["message"]["id"]
        edited = await his.ask(room, "message:edit", {"message_id": message_id, "content": "mine"})
        assert edited["response"]["code"] == "permission_denied"
        await hers.ask(room, "message:edit", {"message_id": message_id, "content": "hallo", "version": 1})
        assert (await his.until("message:edited")).payload["message"]["content"] == "hallo"
        await hers.ask(room, "message:recall", {"message_id": message_id})
        assert (await his.until("message:recalled")).payload["message"]["content"] == ""
        await his.push(room, "typing", {"on": True})
        assert (await hers.until("typing")).payload == {"user_id": ben.id, "on": True}
        await his.joined("lobby", broadcast={"ack": True})
        await hers.joined("lobby")
        await his.ask("lobby", "broadcast", {"type": "broadcast", "event": "wave", "payload": {"n": 1}})
        assert (await hers.until("broadcast")).payload["event"] == "wave"


async def test_heads_cross(one: Instance, two: Instance, anna: Person, ben: Person) -> None:
    room = await anna.room(ben)
    async with Socket(two, ben.token) as his:
        await his.joined(f"user:{ben.id}")
        message = await anna.send(room, "hello")
        head = await his.until("head")
        assert head.payload == {"room_id": room, "room_offset": message["offset"], "seq": 1}
        second = await anna.room(ben)
        assert (await his.until("room:added")).payload["room_id"] == second
        await anna.send(second, "and here")
        while head.payload["room_id"] != second or head.payload.get("seq") != 1:
            head = await his.until("head")


async def test_signing_out_ends_the_sockets_everywhere_within_a_second(
    one: Instance, two: Instance, anna: Person
) -> None:
    async with Socket(one, anna.token) as here, Socket(two, anna.token) as there, Socket(two, None) as guest:
        for line in (here, there):
            await line.joined("lobby")
        began = asyncio.get_running_loop().time()
        await anna.call("POST", "auth/logout", {"refresh": anna.refresh})
        for line in (here, there):
            frames, code = await line.closing()
            assert [frame.event for frame in frames] == ["system", "phx_close"]
            assert code == CloseCode.TOKEN_REVOKED
        assert asyncio.get_running_loop().time() - began < 1
        assert await guest.settled() == []
    async with Socket(two, anna.token) as late:
        late.join_refs["lobby"] = "1"
        assert (await late.ask("lobby", "phx_join", {}, ref="1"))["status"] == "error"


async def test_whoever_is_removed_gets_nothing_more_on_any_instance(
    one: Instance, two: Instance, anna: Person, ben: Person
) -> None:
    room_id = await anna.room(ben)
    room = f"room:{room_id}"
    async with Socket(one, anna.token) as hers, Socket(two, ben.token) as his, Socket(one, ben.token) as phone:
        for line in (hers, his, phone):
            await line.joined(room)
        await anna.call("DELETE", f"rooms/{room_id}/members/{ben.id}")
        await anna.send(room_id, "a secret")
        await hers.until("message:created")
        for line in (his, phone):
            assert (await line.until("phx_close")).topic == room
            assert await line.settled() == []


async def test_redis_killed_and_started_again_loses_nothing(
    installation: Installation, one: Instance, two: Instance, anna: Person, ben: Person
) -> None:
    room_id = await anna.room(ben)
    room = f"room:{room_id}"
    async with Socket(one, anna.token) as hers, Socket(two, ben.token) as his:
        for line in (hers, his):
            await line.joined(room)
        pid = installation.redis.pid
        expected = []
        for number in range(30):
            if number == 10:
                os.kill(pid, signal.SIGKILL)
                installation.redis.stop()
            if number == 20:
                installation.redis.start()
                assert installation.redis.pid != pid
            sender = anna if number % 2 else ben
            expected.append((await sender.send(room_id, str(number)))["id"])
        for line in (hers, his):
            got = [(await line.until("message:created")).payload for _ in expected]
            assert [payload["message"]["id"] for payload in got] == expected
            first = got[0]["offset"]
            assert [payload["offset"] for payload in got] == list(range(first, first + 30))
            assert await line.settled() == []


async def test_a_cut_line_is_mended_by_position(one: Instance, two: Instance, anna: Person, ben: Person) -> None:
    room_id = await anna.room(ben)
    room = f"room:{room_id}"
    async with Socket(one, ben.token) as his:
        position = (await his.joined(room))["position"]
        his.line.transport.abort()
    for number in range(25):
        await anna.send(room_id, str(number))
    async with Socket(two, ben.token) as his:
        answer = await his.joined(room, recover=position)
        assert answer["recovered"] is True
        await anna.send(room_id, "25")
        contents = [(await his.until("message:created")).payload["message"]["content"] for _ in range(26)]
        assert contents == [str(number) for number in range(26)]


async def test_a_socket_that_stops_reading_is_closed_and_nobody_waits_for_it(one: Instance, anna: Person) -> None:
    room = f"room:{await anna.room()}"
    async with Socket(one, anna.token) as reading, Socket(one, anna.token) as writing:
        # Small buffers, so that the server's own is what fills.
        slow_line = socket.socket()
        slow_line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow_line.connect(("127.0.0.1", one.port))
        async with Socket(one, anna.token, sock=slow_line, max_queue=1) as slow:
            for line in (reading, writing, slow):
                await line.joined(room)
            slow.line.transport.pause_reading()
            for number in range(120):
                reply = await writing.ask(room, "message:send", {"content": f"{number} " + "x" * 60_000})
                assert reply["status"] == "ok"
                assert (await reading.until("message:created")).payload["message"]["seq"] == number + 1
                if f'"code":{CloseCode.SLOW_CONSUMER:d}' in one.output():
                    break
            assert number < 119, "it was closed by then"
            slow.line.transport.resume_reading()
            frames, code = await slow.closing()
            # The closing frame waits behind what the network has taken; the server does not wait for ever.
            assert code in (CloseCode.SLOW_CONSUMER, 1006)
            assert len(frames) <= number


async def test_a_server_that_stops_tells_its_clients_to_come_back(
    installation: Installation, one: Instance, two: Instance, anna: Person
) -> None:
    async with Socket(two, anna.token) as line, Socket(one, anna.token) as other:
        await line.joined("lobby")
        await other.joined("lobby")
        stopping = asyncio.create_task(asyncio.to_thread(two.stop))
        _, code = await line.closing()
        assert code == CloseCode.RESTARTING
        # uvicorn ends as whoever got the signal ends: by it, once all is done.
        assert await stopping == -signal.SIGTERM
        assert await other.settled() == []
    await asyncio.to_thread(two.start)
    async with Socket(two, anna.token) as line:
        await line.joined("lobby")


async def test_kill_9_of_one_instance_takes_nothing_from_the_other(
    installation: Installation, one: Instance, two: Instance, anna: Person
) -> None:
    room_id = await anna.room()
    async with Socket(one, anna.token) as hers:
        await hers.joined(f"room:{room_id}")
        assert two.process is not None
        pid = two.process.pid
        await asyncio.to_thread(two.stop, signal.SIGKILL)
        sent = await anna.send(room_id, "still here")
        assert (await hers.until("message:created")).payload["message"]["content"] == "still here"
        await asyncio.to_thread(two.start)
        assert two.process.pid != pid
        async with Socket(two, anna.token) as again:
            assert (await again.joined(f"room:{room_id}"))["position"]["offset"] == sent["offset"]


async def test_no_token_is_logged(one: Instance, two: Instance, anna: Person) -> None:
    async with Socket(one, None, path="/realtime/v1/websocket") as line:
        await line.settled()
    url = f"{one.url}/socket/websocket?vsn=2.0.0&token={anna.token}"
    async with httpx.AsyncClient() as api:
        assert (await api.get(url)).status_code in (400, 404, 426)
    assert anna.token not in one.output() + two.output()
