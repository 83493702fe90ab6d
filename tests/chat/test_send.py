"""Sending: one message, once, in order, within limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection
from django.test import override_settings

from chat.models import ChatMessage, ChatRoom, Membership
from chat.payloads import MessagePayload
from chat.services import members, messages, rooms
from core.errors import Forbidden, Invalid, NotFound
from core.log import readers, writer
from core.log.epoch import current_epoch, origin
from core.log.writer import append_many
from tests.chat.client import committed
from tests.chat.world import World, people, room_of, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World.make()


def test_a_message_has_exactly_the_documented_shape(world: World) -> None:
    before = ChatRoom.objects.get(pk=world.room)
    first = say(world.anna, world.room, "**hello**", client_id="c1", metadata={"from": "test"})
    answer = say(world.cem, world.room, "yes?", reply_to=UUID(first["id"]))
    assert list(first) == list(MessagePayload.__annotations__)
    created_at = first.pop("created_at")
    assert datetime.fromisoformat(created_at).tzinfo == UTC
    assert created_at.endswith("Z")
    assert len(created_at) == len("2026-11-22T08:00:00.000000Z")
    assert first == {
        "id": first["id"],
        "room_id": str(world.room),
        "conversation_id": str(world.room),
        "seq": 1,
        "offset": before.offset + 1,
        "sender_id": str(world.anna.pk),
        "sender": {"id": str(world.anna.pk), "display_name": "Anna", "avatar": ""},
        "type": "text",
        "content": "**hello**",
        "html": "<p><strong>hello</strong></p>",
        "client_id": "c1",
        "reply_to": None,
        "forwarded_from": None,
        "attachments": [],
        "reactions": [],
        "edited_at": None,
        "deleted_at": None,
        "is_deleted": False,
        "version": 1,
    }
    assert answer["reply_to"] == {
        "id": first["id"], "sender_id": str(world.anna.pk), "sender_name": "Anna", "excerpt": "**hello**"
    }  # fmt: skip
    assert UUID(first["id"]).version == 7


def test_everything_moves_in_one_transaction(world: World) -> None:
    before = ChatRoom.objects.get(pk=world.room)
    with committed() as commits:
        sent = say(world.anna, world.room)
    room = ChatRoom.objects.get(pk=world.room)
    message = ChatMessage.objects.get(pk=sent["id"])
    assert (room.seq, room.offset, room.lamport) == (before.seq + 1, before.offset + 1, before.lamport + 1)
    assert (room.last_message_id, room.last_message_at) == (message.pk, message.created_at)
    assert (message.seq, message.offset, message.lamport, message.origin) == (1, room.offset, 1, origin())
    assert Membership.objects.get(room=room, user=world.anna).read_seq == room.seq
    assert readers.head(room.stream) == room.offset
    (commit,) = commits
    assert (commit.stream, commit.offset, commit.event) == (room.stream, room.offset, "message:created")
    assert commit.payload == {"offset": room.offset, "epoch": current_epoch(), "message": sent}


def test_a_new_room_begins_at_nothing(world: World) -> None:
    room = room_of(world.anna, world.ben)
    row = ChatRoom.objects.get(pk=room)
    assert (row.seq, row.offset, row.members_count) == (0, 0, 2)
    assert say(world.anna, room)["offset"] == 1


def test_a_repeat_answers_the_first_message_whatever_its_body(world: World) -> None:
    first = messages.send_message(sender_id=world.cem.pk, room_id=world.room, content="first", client_id="x")
    with committed() as commits:
        again = messages.send_message(
            sender_id=world.cem.pk, room_id=world.room, content="other", client_id="x", reply_to=uuid4()
        )
    assert (again.created, again.message) == (False, first.message)
    assert commits == []
    messages.edit_message(actor_id=world.cem.pk, message_id=UUID(first.message["id"]), content="edited")
    third = messages.send_message(sender_id=world.cem.pk, room_id=world.room, content="first", client_id="x")
    assert third.message["content"] == "edited"
    assert ChatMessage.objects.filter(room=world.room).count() == 1


def test_a_client_id_is_the_senders_own_and_the_rooms(world: World) -> None:
    other = room_of(world.anna, world.cem)
    sent = {say(user, room, client_id="x")["id"] for user in (world.anna, world.cem) for room in (world.room, other)}
    assert len(sent) == 4
    assert len({say(world.anna, world.room)["id"] for _ in range(2)}) == 2


def test_repeats_inside_one_batch(world: World) -> None:
    draft = messages.Draft(sender_id=world.cem.pk, room_id=world.room, content="once", client_id="x")
    # Not by failing at the end and doing each alone.
    with mock.patch.object(writer, "_alone", side_effect=AssertionError):
        first, second, third = messages.send_messages([draft, draft, draft])
    assert [first.created, second.created, third.created] == [True, False, False]
    assert first.message == second.message == third.message
    assert ChatRoom.objects.get(pk=world.room).seq == 1


def test_a_batch_is_numbered_in_its_order(world: World) -> None:
    other = room_of(world.anna, world.cem)
    start = ChatRoom.objects.get(pk=world.room).offset
    drafts = [
        messages.Draft(sender_id=world.cem.pk, room_id=room, content=str(number))
        for number in range(5)
        for room in (world.room, other)
    ]
    sent = messages.send_messages(drafts)
    mine = [each.message for each in sent if each.message["room_id"] == str(world.room)]
    assert [(each["seq"], each["offset"], each["content"]) for each in mine] == [
        (number + 1, start + number + 1, str(number)) for number in range(5)
    ]
    times = [each["created_at"] for each in mine]
    assert sorted(set(times)) == times
    page = readers.read_changes(f"room:{world.room}", after=start, limit=10)
    assert [change["payload"]["message"]["content"] for change in page.changes] == list("01234")


def test_many_are_sent_together_or_not_at_all(world: World) -> None:
    good = messages.Draft(sender_id=world.cem.pk, room_id=world.room, content="good")
    bad = messages.Draft(sender_id=world.eve.pk, room_id=world.room, content="bad")
    with pytest.raises(NotFound):
        messages.send_messages([good, bad])
    assert not ChatMessage.objects.filter(room=world.room).exists()
    assert ChatRoom.objects.get(pk=world.room).seq == 0


def test_time_never_goes_back(world: World) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with time_machine.travel(later, tick=False):
        first = say(world.anna, world.room)
    second = say(world.anna, world.room)
    assert first["created_at"] == later.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    expected = datetime.fromisoformat(first["created_at"]) + timedelta(microseconds=1)
    assert datetime.fromisoformat(second["created_at"]) == expected
    assert ChatRoom.objects.get(pk=world.room).last_message_at == expected


def test_a_message_from_elsewhere_keeps_its_time(world: World) -> None:
    then = datetime(2020, 1, 1, tzinfo=UTC)
    draft = messages.Draft(sender_id=world.cem.pk, room_id=world.room, content="old", sent_at=then)
    (sent,) = messages.send_messages([draft])
    assert sent.message["created_at"] == "2020-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        ({"content": ""}, "content"),
        ({"content": " \n\t \u3000"}, "content"),
        ({"content": "a" * 100_001}, "content"),
        ({"content": "é" * 50_001}, "content"),
        ({"content": "nul\x00"}, "content"),
        ({"content": "half \ud83d"}, "content"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "x" * 65}, "client_id"),
        ({"client_id": "nul\x00"}, "client_id"),
        ({"client_id": "\udc00"}, "client_id"),
        ({"message_type": "dance"}, "type"),
        ({"message_type": ""}, "type"),
        ({"reply_to": UUID(int=7)}, "reply_to"),
        ({"metadata": {"a": "x" * 5000}}, "metadata"),
        ({"metadata": {"a\x00": 1}}, "metadata"),
        ({"metadata": {"a": ["\ud800"]}}, "metadata"),
        ({"metadata": {"a": float("nan")}}, "metadata"),
        ({"metadata": {"a": 2**70}}, "metadata"),
        ({"metadata": {"a": {"b": object()}}}, "metadata"),
    ],
)
def test_what_cannot_be_sent(world: World, fields: dict[str, Any], attr: str) -> None:
    with pytest.raises(Invalid) as refused:
        messages.send_message(**{"sender_id": world.anna.pk, "room_id": world.room, "content": "x", **fields})
    assert refused.value.attr == attr
    assert not ChatMessage.objects.exists()


def test_metadata_is_not_nested_without_end(world: World) -> None:
    deep: Any = 1
    for _ in range(40):
        deep = {"a": deep}
    with pytest.raises(Invalid):
        say(world.anna, world.room, metadata=deep)
    say(world.anna, world.room, metadata={"a": [{"b": None}, 1.5, True, "text"]})


@pytest.mark.parametrize(
    "content",
    [
        "a" * 100_000,
        "é" * 50_000,
        "\u200f\u202eשלום\u2069",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "กขฃ ಕನ್ನಡ ᠮᠣᠩᠭᠣᠯ 𒀀𓀀",
        "<b>&amp;</b>",
        "\x01\x7f\ufffd\uffff",
        "0",
    ],
)
def test_every_script_survives(world: World, content: str) -> None:
    sent = say(world.anna, world.room, content)
    assert sent["content"] == content
    assert ChatMessage.objects.get(pk=sent["id"]).content == content


def test_only_an_answer_to_a_message_of_the_same_room(world: World) -> None:
    other = say(world.anna, room_of(world.anna, world.cem))
    with pytest.raises(Invalid) as refused:
        say(world.cem, world.room, reply_to=UUID(other["id"]))
    assert refused.value.attr == "reply_to"


def test_who_may_send(world: World) -> None:
    for user in (world.anna, world.ben, world.cem):
        say(user, world.room)
    with pytest.raises(Forbidden):
        say(world.dia, world.room)
    with pytest.raises(NotFound):
        say(world.eve, world.room)
    with pytest.raises(NotFound):
        say(world.eve, uuid4())
    rooms.update_room(actor_id=world.ben.pk, room_id=world.room, changes={"guests_may_send": True})
    say(world.dia, world.room)
    rooms.update_room(actor_id=world.ben.pk, room_id=world.room, changes={"is_frozen": True})
    for user in (world.cem, world.dia):
        with pytest.raises(Forbidden):
            say(user, world.room)
    say(world.ben, world.room)
    members.leave_room(user_id=world.cem.pk, room_id=world.room)
    with pytest.raises(NotFound):
        say(world.cem, world.room)


def test_a_public_room_is_seen_but_not_written_from_outside() -> None:
    world = World.make(kind=ChatRoom.Kind.PUBLIC)
    with pytest.raises(Forbidden):
        say(world.eve, world.room)


def test_one_refusal_in_a_batch_takes_nothing_of_the_others(world: World) -> None:
    act = messages._sending
    drafts = [
        messages.Draft(sender_id=user.pk, room_id=world.room, content=user.display_name)
        for user in (world.anna, world.eve, world.cem)
    ]
    first, refused, second = append_many([act(draft, "") for draft in drafts])
    assert isinstance(refused, NotFound)
    assert [first.message["seq"], second.message["seq"]] == [1, 2]
    assert list(ChatMessage.objects.order_by("seq").values_list("content", flat=True)) == ["Anna", "Cem"]


@override_settings(MAX_CONTENT_BYTES=10)
def test_the_limit_is_a_setting(world: World) -> None:
    with pytest.raises(Invalid):
        say(world.anna, world.room, "a" * 11)


def test_members_of_many_rooms_are_found_by_their_natural_id() -> None:
    """The row that an act names must be the row that stands in the table."""
    one, other = people(2)
    room = room_of(one, other)
    rows = Membership.objects.filter(room=room)
    from chat.models import membership_id

    assert {row.pk for row in rows} == {membership_id(room, user.pk) for user in (one, other)}
    assert connection.in_atomic_block
