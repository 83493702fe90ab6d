"""Chat over the socket: the real people, rooms and services behind ``room:<id>`` and ``user:<id>``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async

from accounts.services import sign_ins
from chat.models import ChatMessage
from chat.services import members, messages, rooms
from core import redis as redis_
from core.cache import run_in_thread, threads
from core.log import executor, readers
from core.log.epoch import current_epoch
from realtime import runtime
from realtime.broker import LocalBroker
from realtime.hub import Hub
from tests.realtime.client import Client
from tests.support.cast import PARTS, Cast, assemble

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast() -> Cast:
    """Everybody."""
    return assemble()


@pytest.fixture
async def hub(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """A hub that hears the log of this process."""
    await run_in_thread(current_epoch)
    new = Hub(LocalBroker(), "here")
    await new.start()
    monkeypatch.setattr(runtime, "_hub", new)
    executor.start()
    yield new
    for session in new.sessions.all():
        session.leave_server()
    await asyncio.to_thread(executor.stop)
    await new.stop()
    await redis_.async_client().aclose()
    await asyncio.to_thread(threads.stop)


def client(cast: Cast, part: str) -> Client:
    return Client(token=None if part == "anonymous" else cast.token(part))


@pytest.mark.parametrize("part", PARTS)
async def test_who_may_join_a_room(part: str, cast: Cast, hub: Hub) -> None:
    inside = part in ("guest", "member", "admin", "owner")
    async with client(cast, part) as one:
        for room, refusal in ((cast.room, "not_found"), (cast.public, "permission_denied")):
            reply = await one.join(f"room:{room}")
            expected = "not_authenticated" if part == "anonymous" else refusal
            assert (reply["status"], reply["response"].get("code")) == (("ok", None) if inside else ("error", expected))
        reply = await one.join(f"room:{cast.direct}")
        assert reply["status"] == ("ok" if part == "member" else "error")


@pytest.mark.parametrize("part", PARTS)
async def test_who_may_join_a_persons_topic(part: str, cast: Cast, hub: Hub) -> None:
    async with client(cast, part) as one:
        for other in PARTS[1:]:
            reply = await one.join(f"user:{cast.id_of(other)}")
            assert reply["status"] == ("ok" if part == other else "error")


@pytest.mark.parametrize("name", ["{id}x", "{upper}", "{hex}", "lobby", "", "{id}:x", "{{{id}}}", "00", "\x00"])
async def test_a_room_has_one_name(name: str, cast: Cast, hub: Hub) -> None:
    room = cast.room
    text = name.format(id=room, upper=str(room).upper(), hex=room.hex)
    async with client(cast, "member") as one:
        for kind in ("room", "user"):
            assert (await one.join(f"{kind}:{text}"))["response"]["code"] == "not_found"
        assert (await one.join(f"room:{uuid4()}"))["response"]["code"] == "not_found"


async def test_sending_editing_and_recalling(cast: Cast, hub: Hub) -> None:
    topic = f"room:{cast.room}"
    async with client(cast, "member") as anna, client(cast, "other") as ben:
        position = (await anna.joined(topic))["position"]
        await ben.joined(topic)
        content = "你好 👋🏽 שלום <b>bold</b> \\ \" '"
        sent = (await anna.ask(topic, "message:send", {"content": content, "client_id": "c1"}))["response"]["message"]
        assert (sent["content"], sent["client_id"]) == (content, "c1")
        again = (await anna.ask(topic, "message:send", {"content": "other", "client_id": "c1"}))["response"]["message"]
        assert again["id"] == sent["id"]
        [created] = await ben.expect("message:created")
        assert created.payload == {"offset": position["offset"] + 1, "epoch": position["epoch"], "message": sent}
        stored = await run_in_thread(lambda: readers.read_changes(topic, after=position["offset"], limit=9).changes)
        assert [{k: v for k, v in created.payload.items() if k == "message"}] == [one["payload"] for one in stored]

        reply_to = await anna.ask(topic, "message:send", {"content": "yes", "reply_to": sent["id"]})
        assert reply_to["response"]["message"]["reply_to"]["id"] == sent["id"]
        edit = {"message_id": sent["id"], "content": "edited", "version": 1}
        assert (await anna.ask(topic, "message:edit", edit))["response"]["message"]["version"] == 2
        stale = await anna.ask(topic, "message:edit", {**edit, "content": "late"})
        assert stale["response"]["code"] == "version_conflict"
        assert stale["response"]["current"]
        assert (await ben.ask(topic, "message:recall", {"message_id": sent["id"]}))["response"]["code"] == (
            "permission_denied"
        )
        recalled = await anna.ask(topic, "message:recall", {"message_id": sent["id"]})
        assert recalled["response"]["message"]["is_deleted"] is True
        events = [frame.event for frame in await ben.settled()]
        assert events == ["message:created", "message:edited", "message:recalled"]


@pytest.mark.parametrize(
    ("event", "payload", "attr"),
    [
        ("message:send", {}, "content"),
        ("message:send", {"content": 5}, "content"),
        ("message:send", {"content": None}, "content"),
        ("message:send", {"content": ["x"]}, "content"),
        ("message:send", {"content": "  "}, "content"),
        ("message:send", {"content": "a\x00b"}, "content"),
        ("message:send", {"content": "x" * 100_001}, "content"),
        ("message:send", {"content": "你" * 33_334}, "content"),
        ("message:send", {"content": "x", "client_id": 5}, "client_id"),
        ("message:send", {"content": "x", "client_id": ""}, "client_id"),
        ("message:send", {"content": "x", "client_id": "c" * 65}, "client_id"),
        ("message:send", {"content": "x", "type": "poem"}, "type"),
        ("message:send", {"content": "x", "type": 1}, "type"),
        ("message:send", {"content": "x", "reply_to": "nothing"}, "reply_to"),
        ("message:send", {"content": "x", "reply_to": 7}, "reply_to"),
        ("message:send", {"content": "x", "metadata": []}, "metadata"),
        ("message:edit", {"content": "x"}, "message_id"),
        ("message:edit", {"message_id": "x", "content": "x"}, "message_id"),
        ("message:edit", {"message_id": str(uuid4()), "content": "x", "version": "1"}, "version"),
        ("message:edit", {"message_id": str(uuid4()), "content": "x", "version": True}, "version"),
        ("message:recall", {}, "message_id"),
        ("read", {"seq": "1"}, "seq"),
        ("read", {"seq": -1}, "seq"),
        ("read", {"seq": 2**63}, "seq"),
        ("ack", {}, "offset"),
        ("typing", {"on": "yes"}, "on"),
    ],
)
async def test_bad_input_is_told_and_writes_nothing(
    event: str, payload: dict[str, Any], attr: str, cast: Cast, hub: Hub
) -> None:
    topic = f"room:{cast.room}"
    before = await ChatMessage.objects.acount()
    async with client(cast, "member") as anna, client(cast, "other") as ben:
        await anna.joined(topic)
        await ben.joined(topic)
        response = (await anna.ask(topic, event, payload))["response"]
        assert response["code"] == "invalid", response
        assert len(response["reason"]) > 10
        assert await ben.settled() == []
        # Told apart by the field where REST tells it.
        assert attr in response["reason"] or attr == "content" or "type" in response["reason"], response
    assert await ChatMessage.objects.acount() == before


async def test_the_largest_text_passes_however_it_is_escaped(cast: Cast, hub: Hub) -> None:
    topic = f"room:{cast.room}"
    async with client(cast, "member") as anna:
        await anna.joined(topic)
        for content in ("x" * 100_000, "你" * 33_333):
            assert len(json.dumps(content)) > 100_000
            assert (await anna.ask(topic, "message:send", {"content": content}))["status"] == "ok"


async def test_guests_read_and_do_not_write(cast: Cast, hub: Hub) -> None:
    topic = f"room:{cast.room}"
    async with client(cast, "guest") as guest:
        await guest.joined(topic)
        assert (await guest.ask(topic, "message:send", {"content": "x"}))["response"]["code"] == "permission_denied"
        assert (await guest.ask(topic, "read", {"seq": 1}))["response"]["read_seq"] >= 1


async def test_reading_is_told_to_oneself_alone(cast: Cast, hub: Hub) -> None:
    topic, own = f"room:{cast.room}", f"user:{cast.id_of('member')}"
    async with client(cast, "member") as phone, client(cast, "member") as laptop, client(cast, "other") as ben:
        await phone.joined(topic)
        await laptop.joined(own)
        await ben.joined(topic)
        answer = (await phone.ask(topic, "read", {}))["response"]
        assert answer["unread_count"] == 0
        [changed] = await laptop.expect("conversation:changed")
        assert changed.payload["conversation"]["read_seq"] == answer["read_seq"]
        await phone.push(topic, "ack", {"offset": 3})
        await phone.push(topic, "typing", {"on": False})
        assert [frame.event for frame in await phone.settled()] == ["phx_reply", "phx_reply"]
        assert [(f.event, f.payload) for f in await ben.settled()] == [
            ("typing", {"user_id": str(cast.id_of("member")), "on": False})
        ]


async def test_removed_from_the_room(cast: Cast, hub: Hub) -> None:
    topic, own = f"room:{cast.room}", f"user:{cast.id_of('other')}"
    async with client(cast, "other") as ben, client(cast, "member") as anna:
        for name in (topic, own):
            await ben.joined(name)
        await anna.joined(topic)
        remove = sync_to_async(members.remove_member)
        await remove(actor_id=cast.id_of("owner"), room_id=cast.room, user_id=cast.id_of("other"))
        await anna.ask(topic, "message:send", {"content": "a secret"})
        frames = [await ben.receive(), await ben.receive()]
        assert {(frame.topic, frame.event) for frame in frames if frame} == {
            (topic, "phx_close"),
            (own, "room:removed"),
        }
        await asyncio.sleep(0.15)
        assert await ben.settled() == []
        assert (await ben.join(topic))["response"]["code"] == "not_found"
        assert [frame.event for frame in await anna.settled()] == ["member:left", "message:created"]


async def test_a_room_that_is_deleted_is_left_by_all(cast: Cast, hub: Hub) -> None:
    topic = f"room:{cast.room}"
    async with client(cast, "member") as anna, client(cast, "owner") as owner:
        for one in (anna, owner):
            await one.joined(topic)
        await sync_to_async(rooms.delete_room)(actor_id=cast.id_of("owner"), room_id=cast.room)
        for one in (anna, owner):
            await one.expect("phx_close")


async def test_heads_of_ones_rooms(cast: Cast, hub: Hub) -> None:
    own = f"user:{cast.id_of('member')}"
    async with client(cast, "member") as anna:
        await anna.joined(own)
        send = sync_to_async(messages.send_message)
        sent = await send(sender_id=cast.id_of("owner"), room_id=cast.room, content="one")
        await send(sender_id=cast.id_of("owner"), room_id=cast.public, content="two")
        heads = {frame.payload["room_id"]: frame.payload for frame in await anna.expect("head", 2)}
        assert heads[str(cast.room)] == {
            "room_id": str(cast.room),
            "room_offset": sent.message["offset"],
            "seq": sent.message["seq"],
        }
        edited = await sync_to_async(messages.edit_message)(
            actor_id=cast.id_of("owner"), message_id=UUID(sent.message["id"]), content="three"
        )
        [head] = await anna.expect("head")
        assert head.payload["room_offset"] == edited["offset"]
        assert head.payload["seq"] == sent.message["seq"]
        new = await sync_to_async(rooms.create_room)(
            actor_id=cast.id_of("owner"), kind="group", name="new", member_ids=[cast.id_of("member")]
        )
        await anna.expect("room:added")
        await send(sender_id=cast.id_of("owner"), room_id=new.room_id, content="here too")
        while (await anna.expect("head"))[0].payload != {"room_id": str(new.room_id), "room_offset": 1, "seq": 1}:
            pass


async def test_recovery_shows_what_was_recalled_as_a_tombstone(cast: Cast, hub: Hub) -> None:
    topic = f"room:{cast.room}"
    async with client(cast, "member") as anna:
        position = (await anna.joined(topic))["position"]
        sent = (await anna.ask(topic, "message:send", {"content": "a slip"}))["response"]["message"]
        await anna.ask(topic, "message:recall", {"message_id": sent["id"]})
    async with client(cast, "other") as ben:
        assert (await ben.joined(topic, {"recover": position}))["recovered"] is True
        frames = await ben.settled()
        assert [frame.event for frame in frames] == ["message:created", "message:recalled"]
        assert "a slip" not in json.dumps(frames)


async def test_signed_out_while_connected(cast: Cast, hub: Hub) -> None:
    sign_in = cast.sign_ins["member"]
    async with client(cast, "member") as anna, client(cast, "other") as ben:
        await anna.joined(f"room:{cast.room}")
        end = sync_to_async(sign_ins.end_sign_in)
        await end(sign_in.pk, reason=sign_ins.EndReason.REMOVED)
        frames, code = await anna.closing()
        assert (frames[0].event, code) == ("system", 4501)
        assert await ben.settled() == []
    late = client(cast, "member")
    async with late:
        assert (await late.join(f"room:{cast.room}"))["status"] == "error"
