"""What acts and reads ask of the database: numbers that do not grow, and indexes that are used."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from chat import cache
from chat.models import ChatMessage, ChatRoom, Membership
from chat.selectors import messages as messages_
from chat.selectors import rooms as rooms_
from chat.services import members, messages, reads, rooms
from core.log import readers
from core.log.epoch import current_epoch
from core.log.writer import append_many
from tests.chat.world import BASE, World, client_of, people, person, room_of, say

pytestmark = pytest.mark.django_db

_FRAME = re.compile(r"(BEGIN|COMMIT|SAVEPOINT|RELEASE|ROLLBACK)\b", re.IGNORECASE)


def queries(act: Callable[[], object]) -> list[str]:
    """The statements of an act, without those that only frame a transaction."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"] for query in captured if not _FRAME.match(query["sql"])]


def fill(room: UUID, users: list[User], count: int) -> None:
    """Many messages, quickly."""
    drafts = [
        messages.Draft(sender_id=users[number % len(users)].pk, room_id=room, content=f"message {number}")
        for number in range(count)
    ]
    messages.send_messages(drafts)


@pytest.fixture
def anna() -> User:
    # Asked once in the life of a process.
    current_epoch()
    return person("Anna")


# --- acts ---------------------------------------------------------------------------------

# Without BEGIN and COMMIT. The room, the membership (with the user), the known client_id; then the
# message, the room, the membership, the change, the stream.
SEND = 8
EDIT = 9
# Membership, stream, room; membership, change, stream.
READ = 6


def test_sending_costs_the_same_in_members_and_history(anna: User) -> None:
    counts = set()
    for size, history in ((2, 1), (2, 300), (200, 1), (200, 300)):
        others = people(size - 1, f"q{size}x{history}")
        room = room_of(anna, *others)
        fill(room, [anna, *others], history)
        counts.add(len(queries(partial(say, anna, room, client_id=str(uuid4())))))
    assert counts == {SEND}


def test_a_batch_costs_no_more_than_one_send(anna: User) -> None:
    """Sixty-four senders in one room, or in as many rooms."""
    others = people(63)
    one = room_of(anna, *others)
    separate = [room_of(user) for user in [anna, *others]]
    for places in ([one] * 64, separate):
        drafts = [
            messages.Draft(sender_id=user.pk, room_id=place, content="x", client_id=str(uuid4()))
            for place, user in zip(places, [anna, *others], strict=True)
        ]
        assert len(queries(partial(append_many, [messages._sending(draft, "") for draft in drafts]))) == SEND


def test_other_acts_cost_the_same(anna: User) -> None:
    for size in (3, 100):
        others = people(size, f"o{size}")
        room = room_of(anna, *others)
        fill(room, [anna], size)
        message = UUID(say(anna, room)["id"])
        edit = partial(messages.edit_message, actor_id=anna.pk, message_id=message, content="new")
        assert len(queries(edit)) == EDIT
        read = partial(reads.mark_read, user_id=others[0].pk, room_id=room)
        assert len(queries(partial(read, seq=2))) == READ
        # Nothing new: nothing is written.
        assert len(queries(partial(read, seq=1))) == 3


@pytest.mark.parametrize("count", [1, 20, 500])
def test_adding_many_people_costs_what_adding_one_costs(anna: User, count: int) -> None:
    room = room_of(anna)
    ids = [user.pk for user in people(count)]
    asked = queries(lambda: members.add_members(actor_id=anna.pk, room_id=room, user_ids=ids))
    # Room, memberships, streams, new streams, people; memberships, room, changes, streams: nine.
    assert len(asked) == 9
    assert ChatRoom.objects.get(pk=room).members_count == count + 1
    assert ChatRoom.objects.get(pk=room).offset == count
    assert readers.heads([f"user:{each}" for each in ids]) == {f"user:{each}": 1 for each in ids}


def test_making_and_deleting_a_room_does_not_cost_by_its_members(anna: User) -> None:
    counts = set()
    for size in (2, 300):
        ids = [user.pk for user in people(size, f"d{size}")]
        made = len(queries(partial(rooms.create_room, actor_id=anna.pk, kind="group", member_ids=ids)))
        room = ChatRoom.objects.order_by("-created_at")[0].pk
        fill(room, [anna], size)
        counts.add((made, len(queries(partial(rooms.delete_room, actor_id=anna.pk, room_id=room)))))
    assert len(counts) == 1


# --- reads --------------------------------------------------------------------------------


def test_the_list_of_rooms_costs_the_same_for_any_number(anna: User) -> None:
    counts = set()
    for total in (1, 30):
        while Membership.objects.filter(user=anna).count() < total:
            (other,) = people(1, f"r{uuid4().hex[:8]}")
            room = rooms.create_room(actor_id=anna.pk, kind="direct", member_ids=[other.pk]).room_id
            first = say(other, room)
            say(anna, room, reply_to=UUID(first["id"]))
        counts.add(len(queries(lambda: rooms_.list_own_rooms(user_id=anna.pk, limit=50))))
    assert counts == {2}
    room_of(anna, kind="public")
    assert len(queries(lambda: rooms_.list_public_rooms(user_id=anna.pk, limit=50))) == 2


def test_a_page_of_messages_costs_the_same_for_any_number(anna: User) -> None:
    others = people(30)
    room = room_of(anna, *others)
    fill(room, [anna, *others], 120)
    for user in others:
        say(user, room, reply_to=ChatMessage.objects.filter(room=room, seq=5).values_list("pk", flat=True)[0])
    middle = ChatMessage.objects.filter(room=room, seq=60).values_list("pk", flat=True)[0]
    for limit in (1, 100):
        for place, count in (({}, 2), ({"before": middle}, 3), ({"after": middle}, 3), ({"around": middle}, 4)):
            page = queries(partial(messages_.list_messages, room_id=room, limit=limit, **place))
            assert len(page) == count


def test_a_page_of_changes_costs_the_same_for_any_number(anna: User) -> None:
    others = people(20)
    room = room_of(anna, *others)
    fill(room, [anna, *others], 30)
    for number, user in enumerate(others):
        members.change_role(actor_id=anna.pk, room_id=room, user_id=user.pk, role="guest")
        rooms.update_room(actor_id=anna.pk, room_id=room, changes={"name": f"room {number}"})
    head = readers.head(f"room:{room}")
    costs = {
        len(queries(partial(readers.read_changes, f"room:{room}", after=after, limit=200))) for after in (0, head - 2)
    }
    # The stream, the changes; messages · people and memberships · rooms.
    assert max(costs) <= 6


# --- plans --------------------------------------------------------------------------------


@pytest.fixture
def full(anna: User) -> tuple[UUID, User]:
    """Enough rows that a database chooses by the index and not by the size of the table."""
    others = people(40)
    here = room_of(anna, *others)
    for user in others[5:30]:
        room_of(user, *others[:5])
    for room in ChatRoom.objects.values_list("pk", flat=True):
        ChatMessage.objects.bulk_create(
            ChatMessage(
                room_id=room, sender=others[number % 40], seq=number + 1, offset=number + 1, lamport=number + 1,
                origin="x", content="x", client_id=f"c{number}",
            )
            for number in range(2000 if room == here else 100)
        )  # fmt: skip
    fill_log(here)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return here, anna


def fill_log(room: UUID) -> None:
    """Change rows for the plan of a page of changes."""
    from core import clock
    from core.log.models import Change, Stream

    for _ in range(30):
        key = f"room:{uuid4()}"
        Stream.objects.create(key=key, offset=200)
        Change.objects.bulk_create(
            Change(stream_id=key, offset=offset + 1, event="x", created_at=clock.now()) for offset in range(200)
        )
    Stream.objects.filter(key=f"room:{room}").update(offset=1)


def plan_of(sql: str) -> str:
    """How the database would answer a statement that was captured."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return "\n".join(str(row[3]) for row in cursor.fetchall())
        # The tables of a test are small: what counts is which index serves, not whether it pays yet.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(str(row[0]) for row in cursor.fetchall())


def scans(plan: str, table: str) -> bool:
    """Whether a whole table is read."""
    if connection.vendor == "sqlite":
        return re.search(rf"SCAN (m|{table})\b(?! USING)", plan) is not None
    return f"Seq Scan on {table}" in plan


class TestPlans:
    """The composite indexes are there and serve."""

    def test_a_page_of_the_timeline(self, full: tuple[UUID, User]) -> None:
        room, _ = full
        middle = ChatMessage.objects.filter(room=room, seq=1000).values_list("pk", flat=True)[0]
        for place in ({}, {"before": middle}, {"after": middle}, {"around": middle}):
            asked = queries(partial(messages_.list_messages, room_id=room, limit=50, **place))
            pages = [sql for sql in asked if "LIMIT" in sql and "lamport" in sql and "LIMIT 1" not in sql]
            assert pages
            for sql in pages:
                plan = plan_of(sql)
                assert "message_timeline" in plan
                assert not scans(plan, "chat_chatmessage")
                # The index gives the order too.
                assert "TEMP B-TREE" not in plan
                assert "Sort" not in plan

    def test_the_lookup_of_a_client_id(self, full: tuple[UUID, User]) -> None:
        room, anna = full
        keys = [(room, anna.pk, f"c{number}") for number in range(64)]
        for count in (1, 64):
            (sql,) = queries(partial(messages_.find_sent, keys[:count]))
            plan = plan_of(sql)
            assert "message_client_id_once" in plan or "sqlite_autoindex_chat_chatmessage" in plan
            assert not scans(plan, "chat_chatmessage")

    def test_a_page_of_changes(self, full: tuple[UUID, User]) -> None:
        _, anna = full
        asked = queries(lambda: readers.read_changes(f"user:{anna.pk}", after=0, limit=50))
        (sql,) = [sql for sql in asked if '"log_change"' in sql]
        plan = plan_of(sql)
        assert "change_offset_once" in plan or "sqlite_autoindex_log_change" in plan
        assert not scans(plan, "log_change")
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan

    def test_the_list_of_ones_rooms(self, full: tuple[UUID, User]) -> None:
        _, anna = full
        (sql,) = queries(lambda: rooms_.list_own_rooms(user_id=anna.pk, limit=50))[:1]
        plan = plan_of(sql)
        assert "member_user" in plan or "member_once" in plan
        for table in ("chat_membership", "chat_chatroom", "chat_chatmessage"):
            assert not scans(plan, table)

    def test_the_directory(self, full: tuple[UUID, User]) -> None:
        _, anna = full
        (sql,) = queries(lambda: rooms_.list_public_rooms(user_id=anna.pk, limit=50))[:1]
        plan = plan_of(sql)
        assert "room_directory" in plan
        assert "TEMP B-TREE" not in plan

    def test_a_member_and_the_members(self, full: tuple[UUID, User]) -> None:
        room, anna = full
        (sql,) = queries(lambda: rooms_.list_members(room_id=room, limit=50))
        plan = plan_of(sql)
        assert "member_once" in plan or "sqlite_autoindex_chat_membership" in plan
        assert not scans(plan, "chat_membership")
        (sql,) = queries(lambda: rooms_.get_membership(room, anna.pk))
        assert not scans(plan_of(sql), "chat_membership")


# --- caches -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestWarm:
    """Zero queries, then a commit, then the new state: in one test, so that neither is bought with the other."""

    def test_messages(self) -> None:
        world = World.make()
        say(world.anna, world.room, "first")
        client = client_of(world.cem)
        path = f"{BASE}/rooms/{world.room}/messages?limit=10"
        client.get(path)
        warm: list[Any] = []
        assert queries(lambda: warm.append(client.get(path).json())) == []
        assert [message["content"] for message in warm[0]["messages"]] == ["first"]
        sent = say(world.anna, world.room, "second")
        assert client.get(path).json()["messages"][-1] == sent
        messages.edit_message(actor_id=world.anna.pk, message_id=UUID(sent["id"]), content="edited")
        page = client.get(path).json()
        assert page["messages"][-1]["content"] == "edited"
        assert page["offset"] == sent["offset"] + 1

    def test_changes(self) -> None:
        world = World.make()
        first = say(world.anna, world.room, "first")
        client = client_of(world.cem)
        path = f"{BASE}/rooms/{world.room}/changes?after={first['offset'] - 1}"
        client.get(path)
        warm: list[Any] = []
        assert queries(lambda: warm.append(client.get(path).json())) == []
        assert [change["event"] for change in warm[0]["changes"]] == ["message:created"]
        messages.recall_message(actor_id=world.anna.pk, message_id=UUID(first["id"]))
        page = client.get(path).json()
        assert [change["event"] for change in page["changes"]] == ["message:created", "message:recalled"]
        assert page["offset"] == first["offset"] + 1

    def test_a_member_who_is_removed_reads_no_more(self) -> None:
        world = World.make()
        client = client_of(world.cem)
        path = f"{BASE}/rooms/{world.room}/messages?limit=10"
        assert client.get(path).status_code == 200
        assert queries(lambda: client.get(path)) == []
        members.remove_member(actor_id=world.anna.pk, room_id=world.room, user_id=world.cem.pk)
        assert client.get(path).status_code == 404
        assert cache.member_role(world.room, world.cem.pk) is None
        members.add_members(actor_id=world.anna.pk, room_id=world.room, user_ids=[world.cem.pk])
        assert client.get(path).status_code == 200
