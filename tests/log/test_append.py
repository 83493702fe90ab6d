"""``append_many``: several acts, one transaction, each undone alone."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from chat.models import ChatMessage, ChatRoom, Membership, membership_id
from core.errors import Forbidden
from core.log import readers
from core.log.announce import Committed
from core.log.epoch import current_epoch
from core.log.models import Change, Stream
from core.log.rows import MAX_VALUES, insert, insert_missing
from core.log.writer import Act, Lookup, Writer, append_many
from tests.chat.world import people, room_of
from tests.log.events import Noted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("told_at_once")]


def note(number: int, stream: str = "a", **more: Any) -> Act[int]:
    return Act(run=lambda w: w.append(stream, Noted(number)), streams=[stream], **more)


def refusing(*, buffered: bool = False, rows: Any = (), first: Any = None) -> Act[None]:
    """Appends, changes what it is told to, then refuses."""

    def run(w: Writer) -> None:
        w.append("a", Noted(666))
        w.on_commit(lambda pipe: pytest.fail("a hook of an act that was undone"), key="refused")
        if first is not None:
            first(w)
        raise Forbidden

    return Act(run=run, streams=["a"], rows=rows, buffered=buffered)


def notes(stream: str = "a") -> list[tuple[int, str]]:
    changes = Change.objects.filter(stream=stream).order_by("offset")
    return [(change.offset, change.object_ids["note"]) for change in changes]


def test_acts_take_the_next_offsets(heard: list[Committed]) -> None:
    assert append_many([note(1), note(2), note(3, "b")]) == [1, 2, 1]
    assert append_many([note(4)]) == [3]
    assert notes() == [(1, "1"), (2, "2"), (3, "4")]
    assert dict(Stream.objects.values_list("key", "offset")) == {"a": 3, "b": 1}
    assert [(each.stream, each.offset) for each in heard] == [("a", 1), ("a", 2), ("b", 1), ("a", 3)]
    assert heard[0].payload == {"offset": 1, "epoch": current_epoch(), "note": 1}
    assert heard[0].payload_json == f'{{"offset":1,"epoch":"{current_epoch()}","note":1}}'.encode()


def test_no_acts_are_no_work(heard: list[Committed]) -> None:
    assert append_many([]) == []
    assert heard == []


@pytest.mark.parametrize("buffered", [False, True])
def test_a_refused_act_leaves_nothing(heard: list[Committed], buffered: bool) -> None:
    first, refused, second = append_many([note(1), refusing(buffered=buffered), note(2)])
    assert (first, second) == (1, 2)
    assert isinstance(refused, Forbidden)
    assert notes() == [(1, "1"), (2, "2")]
    assert [each.payload["note"] for each in heard] == [1, 2]


def test_a_stream_is_made_when_it_is_used_and_not_before() -> None:
    append_many([refusing(), Act(run=lambda w: None, streams=["b", "c"])])
    assert not Stream.objects.exists()


def test_an_act_that_wrote_to_the_database_is_undone_there() -> None:
    def write(w: Writer) -> None:
        User.objects.create(username="gone", display_name="x")
        raise Forbidden

    def write_and_stay(w: Writer) -> None:
        User.objects.create(username="here", display_name="x")

    refused, stayed = append_many([Act(run=write), Act(run=write_and_stay)])
    assert isinstance(refused, Forbidden)
    assert stayed is None
    assert list(User.objects.values_list("username", flat=True)) == ["here"]


@pytest.mark.parametrize("buffered", [False, True])
def test_the_rows_in_memory_go_back_too(buffered: bool) -> None:
    """The next act of the call gets the row as if the refused one had never run."""
    one, other = people(2)
    room = room_of(one, other)
    key = membership_id(room, one.pk)
    rows = [(ChatRoom, room), (Membership, key)]
    message = ChatMessage(room_id=room, sender=one, seq=1, offset=1, lamport=1, origin="x")

    def spoil(w: Writer) -> None:
        row, membership = w.row(ChatRoom, room), w.row(Membership, key)
        assert row is not None
        assert membership is not None
        row.seq, row.name = 99, "spoiled"
        row.last_message = message
        w.insert(message)
        w.update(row, "seq", "name", "last_message")
        w.delete(membership)
        assert w.row(Membership, key) is None

    def look(w: Writer) -> tuple[int, str, object, bool]:
        row = w.row(ChatRoom, room)
        assert row is not None
        w.update(row, "name")
        return row.seq, row.name, row.last_message, w.row(Membership, key) is not None

    look_act = Act(run=look, rows=rows, buffered=buffered)
    refused, seen = append_many([refusing(buffered=buffered, rows=rows, first=spoil), look_act])
    assert isinstance(refused, Forbidden)
    assert seen == (0, "Tea", None, True)
    assert not ChatMessage.objects.exists()
    assert Membership.objects.filter(pk=key).exists()
    stored = ChatRoom.objects.get(pk=room)
    assert (stored.seq, stored.name) == (0, "Tea")


def test_what_an_act_did_not_name_it_does_not_get() -> None:
    (one,) = people(1)
    room = room_of(one)
    for run in (
        lambda w: w.append("b", Noted(1)),
        lambda w: w.row(ChatRoom, room),
        lambda w: w.append(f"room:{room}", Noted(1)),
    ):
        other = Act(run=lambda w: None, streams=["b", f"room:{room}"], rows=[(ChatRoom, room)])
        (error, _) = append_many([Act(run=run, streams=["a"]), other])
        assert isinstance(error, LookupError)


def test_a_row_that_is_not_there_is_none() -> None:
    act: Act[object] = Act(run=lambda w: w.row(ChatRoom, key), rows=[(ChatRoom, key := uuid4())])
    assert append_many([act]) == [None]


def test_writes_are_visible_to_the_acts_after() -> None:
    """Buffered ones to the reads of an act that asks the database itself, deletions to everyone."""
    one, other = people(2)
    room = room_of(one, other)
    key = membership_id(room, other.pk)
    new = membership_id(room, uuid4())
    rows = [(ChatRoom, room), (Membership, key), (Membership, new)]

    def rename(w: Writer) -> None:
        row, membership = w.row(ChatRoom, room), w.row(Membership, key)
        assert row is not None
        assert membership is not None
        row.name = "Renamed"
        w.update(row, "name")
        w.delete(membership)

    def look(w: Writer) -> tuple[str, bool, object]:
        name = ChatRoom.objects.values_list("name", flat=True).get(pk=room)
        return name, Membership.objects.filter(pk=key).exists(), w.row(Membership, key)

    _, seen = append_many([Act(run=rename, rows=rows, buffered=True), Act(run=look, rows=rows)])
    assert seen == ("Renamed", False, None)


def test_deleted_and_made_anew_in_one_call() -> None:
    one, other = people(2)
    room = room_of(one, other)
    key = membership_id(room, other.pk)
    rows = [(Membership, key)]

    def leave(w: Writer) -> None:
        row = w.row(Membership, key)
        assert row is not None
        w.delete(row)

    def join(w: Writer) -> None:
        assert w.row(Membership, key) is None
        w.insert(Membership(id=key, room_id=room, user=other, role="guest"))

    for acts, role in (([leave, join], "guest"), ([leave, join, leave], None), ([join, leave, join], "guest")):
        append_many([Act(run=run, rows=rows, buffered=True) for run in acts])
        assert Membership.objects.filter(pk=key).values_list("role", flat=True).first() == role


def test_hooks_with_one_key_are_told_once_and_last() -> None:
    told: list[str] = []

    def act(name: str, key: str | None) -> Act[None]:
        return Act(run=lambda w: w.on_commit(lambda pipe: told.append(name), key=key))

    append_many([act("a1", "a"), act("b", None), act("a2", "a"), act("b", None)])
    assert told == ["a2", "b", "b"]


def test_look_ups_are_made_once_for_all_after_the_locks() -> None:
    asked: list[set[object]] = []

    def load(keys: Any) -> dict[int, str]:
        asked.append(set(keys))
        assert connection.in_atomic_block
        return {key: f"found {key}" for key in keys if key < 3}

    lookup: Lookup[int, str] = Lookup(load)

    def act(key: int) -> Act[str | None]:
        def run(w: Writer) -> str | None:
            found = w.look_up(lookup, key)
            w.remember(lookup, key, "remembered")
            return found

        return Act(run=run, lookups=[(lookup, key)], buffered=True)

    assert append_many([act(1), act(2), act(3), act(3)]) == ["found 1", "found 2", None, "remembered"]
    assert asked == [{1, 2, 3}]


def test_what_a_refused_act_remembered_is_forgotten() -> None:
    lookup: Lookup[int, str] = Lookup(lambda keys: {})

    def refuse(w: Writer) -> None:
        w.remember(lookup, 1, "wrong")
        raise Forbidden

    _, found = append_many(
        [
            Act(run=refuse, lookups=[(lookup, 1)], buffered=True),
            Act(run=lambda w: w.look_up(lookup, 1), lookups=[(lookup, 1)], buffered=True),
        ]
    )
    assert found is None


def test_a_row_that_the_database_refuses_takes_nothing_of_the_others(heard: list[Committed]) -> None:
    """Buffered rows are refused at the end of the call, where nobody knows whose they are: then every
    act has its own transaction."""

    def twin(w: Writer) -> None:
        w.append("a", Noted(666))
        w.insert(User(username="taken", display_name="x"))

    User.objects.create(username="taken", display_name="x")
    act = Act(run=twin, streams=["a"], buffered=True)
    first, refused, second = append_many([note(1, buffered=True), act, note(2, buffered=True)])
    assert (first, second) == (1, 2)
    assert isinstance(refused, IntegrityError)
    assert notes() == [(1, "1"), (2, "2")]
    assert [each.payload["note"] for each in heard] == [1, 2]
    with pytest.raises(IntegrityError):
        append_many([act])


def test_a_stream_that_is_not_where_its_guard_says_stops_everything() -> None:
    """Somebody appended without the lock: better no message than two with one offset."""
    (one,) = people(1)
    room = room_of(one)
    Stream.objects.filter(key=f"room:{room}").update(offset=7)

    def run(w: Writer) -> int:
        return w.append(f"room:{room}", Noted(1))

    with pytest.raises(IntegrityError):
        append_many([Act(run=run, rows=[(ChatRoom, room)], streams=[f"room:{room}"])])
    assert not Change.objects.filter(stream=f"room:{room}").exists()


def test_a_guard_that_was_made_by_hand_gets_its_stream() -> None:
    room = ChatRoom.objects.create(kind="group", name="by hand")
    act = Act(run=lambda w: w.append(room.stream, Noted(1)), rows=[(ChatRoom, room.pk)], streams=[room.stream])
    assert append_many([act, act]) == [1, 2]
    room.refresh_from_db()
    assert (room.offset, readers.head(room.stream)) == (2, 2)


def test_many_rows_go_in_several_statements_when_one_cannot_hold_them() -> None:
    count = MAX_VALUES // len(User._meta.concrete_fields) + 1
    users = [User(username=f"u{number}", display_name="x") for number in range(count)]
    with CaptureQueriesContext(connection) as captured:
        insert(users)
    assert len(captured) == 2
    assert User.objects.count() == count
    assert all(not user._state.adding for user in users)
    streams = [Stream(key=f"s{number}") for number in range(3)]
    assert insert_missing(Stream, streams[:2]) == {"s0", "s1"}
    assert insert_missing(Stream, streams) == {"s2"}


def test_ids_that_the_database_gives_come_back_in_order() -> None:
    append_many([note(number) for number in range(5)])
    rows = [
        Change(stream_id="a", offset=offset, event="x", created_at=User.objects.model().created_at)
        for offset in (30, 10, 20)
    ]
    insert(rows)
    assert [Change.objects.get(pk=row.pk).offset for row in rows] == [30, 10, 20]
