"""Two who write at once: deadlocks, streams that appear, commits that come late, a busy SQLite."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import User
from chat.models import ChatMessage, ChatRoom, Membership
from chat.services import members, messages, reads, rooms
from core.errors import Unavailable
from core.log import locks, readers
from core.log.announce import Committed
from core.log.models import Change, Stream
from core.log.writer import RETRIES, Act, Writer, append_many
from tests.chat.world import people, room_of
from tests.log.events import Noted

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 20


def note(stream: str = "a") -> Act[int]:
    return Act(run=lambda w: w.append(stream, Noted(1)), streams=[stream])


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What each call gave, in threads that start at the same moment."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait(SECONDS)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(SECONDS) for future in [pool.submit(run, call) for call in calls]]


def test_two_who_use_a_new_stream_at_once() -> None:
    """One makes it, the other notices and starts again: no offset twice, none left out."""
    for number in range(10):
        stream = f"new{number}"
        results = together(*[partial(append_many, [note(stream)])] * 4)
        assert sorted(offset for (offset,) in results) == [1, 2, 3, 4]
        assert readers.head(stream) == 4


def test_two_who_open_a_direct_room_at_once() -> None:
    for number in range(5):
        one, other = people(2, f"d{number}")
        made = together(*[partial(_open, *pair) for pair in ((one, other), (other, one))])
        assert len({each.room_id for each in made}) == 1
        assert sorted(each.created for each in made) == [False, True]
        assert Membership.objects.filter(room=made[0].room_id).count() == 2


def _open(one: User, other: User) -> rooms.CreateRoomResult:
    return rooms.create_room(actor_id=one.pk, kind="direct", member_ids=[other.pk])


def test_everyone_at_once_in_one_room() -> None:
    """Sends, repeats, reads, and people who come: the order of locks holds and every number is right."""
    owner, *others = people(5)
    room = room_of(owner, *others[:3])

    def send(user: User) -> None:
        for number in range(15):
            for _ in range(2):
                messages.send_message(sender_id=user.pk, room_id=room, content="x", client_id=f"{number}")

    def come_and_go() -> None:
        for _ in range(5):
            members.add_members(actor_id=owner.pk, room_id=room, user_ids=[others[3].pk])
            members.leave_room(user_id=others[3].pk, room_id=room)

    def read() -> None:
        for seq in range(30):
            reads.mark_read(user_id=others[2].pk, room_id=room, seq=seq)

    together(*[lambda user=user: send(user) for user in (owner, *others[:2])], come_and_go, read)
    row = ChatRoom.objects.get(pk=room)
    assert (row.seq, row.offset, row.members_count) == (45, 55, 4)
    seqs = ChatMessage.objects.filter(room=room).order_by("seq").values_list("seq", flat=True)
    assert list(seqs) == list(range(1, 46))
    offsets = Change.objects.filter(stream=row.stream).order_by("offset").values_list("offset", flat=True)
    assert list(offsets) == list(range(1, 56))
    times = ChatMessage.objects.filter(room=room).order_by("seq").values_list("created_at", flat=True)
    assert sorted(set(times)) == list(times)


def test_a_deadlock_is_tried_again(backend: str) -> None:
    """Two acts whose own statements lock in opposite order: the database kills one, and it starts again."""
    one, other = people(2)
    meeting = threading.Barrier(2)
    runs: list[str] = []

    def act(name: str, first: User, second: User) -> Act[str]:
        def run(w: Writer) -> str:
            runs.append(name)
            User.objects.filter(pk=first.pk).update(signature=name)
            if runs.count(name) == 1 and backend == "postgres":
                meeting.wait(SECONDS)
            User.objects.filter(pk=second.pk).update(signature=name)
            w.append(name, Noted(1))
            return name

        return Act(run=run, streams=[name])

    calls = [lambda: append_many([act("a", one, other)])[0], lambda: append_many([act("b", other, one)])[0]]
    assert together(*calls) == ["a", "b"]
    # On SQLite only one writes at a time; on PostgreSQL one of them was the victim.
    assert len(runs) == (3 if backend == "postgres" else 2)
    assert (readers.head("a"), readers.head("b")) == (1, 1)
    assert len(set(User.objects.values_list("signature", flat=True))) == 1


def test_a_late_commit_leaves_no_hole_for_readers() -> None:
    """Whoever has taken an offset and not committed yet makes the next one wait: readers never see 2 without 1."""
    taken, go = threading.Event(), threading.Event()

    def slow(w: Writer) -> int:
        offset = w.append("a", Noted(1))
        taken.set()
        assert go.wait(SECONDS)
        return offset

    append_many([Act(run=lambda w: w.append("a", Noted(0)), streams=["a"])])
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(_closing, lambda: append_many([Act(run=slow, streams=["a"])])[0])
        assert taken.wait(SECONDS)
        second = pool.submit(
            _closing, lambda: append_many([Act(run=lambda w: w.append("a", Noted(2)), streams=["a"])])[0]
        )
        page = readers.read_changes("a", after=0, limit=10)
        assert (page.offset, len(page.changes), page.has_more) == (1, 1, False)
        assert not second.done()
        go.set()
        assert (first.result(SECONDS), second.result(SECONDS)) == (2, 3)
    assert len(readers.read_changes("a", after=0, limit=10).changes) == 3


def _closing(call: Callable[[], Any]) -> Any:
    try:
        return call()
    finally:
        connection.close()


def test_a_busy_database_is_asked_again_and_then_given_up() -> None:
    """What a retry can help is retried a few times; nothing is written by the tries that failed."""
    act = Act(run=lambda w: w.append("a", Noted(1)), streams=["a"])
    real = locks.lock_rows
    failures = [OperationalError("database is locked")] * (RETRIES - 1)

    def busy(keys: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(keys)

    with mock.patch.object(locks, "lock_rows", busy), mock.patch("core.log.writer.time.sleep") as pause:
        assert append_many([act]) == [1]
    assert pause.call_count == RETRIES - 1
    assert all(0 <= call.args[0] <= 0.01 * 2**RETRIES for call in pause.call_args_list)
    failures = [OperationalError("database is locked")] * RETRIES
    no_pause = mock.patch("core.log.writer.time.sleep")
    with mock.patch.object(locks, "lock_rows", busy), no_pause, pytest.raises(Unavailable):
        append_many([act])
    assert Stream.objects.get().offset == 1


def test_other_errors_of_the_database_are_not_tried_again() -> None:
    error = OperationalError("disk I/O error")
    with mock.patch.object(locks, "lock_rows", side_effect=error) as lock, pytest.raises(OperationalError):
        append_many([Act(run=lambda w: None)])
    assert lock.call_count == 1


def test_inside_a_transaction_of_the_callers_nothing_is_tried_again() -> None:
    busy = mock.patch.object(locks, "lock_rows", side_effect=OperationalError("database is locked"))
    with busy as lock, pytest.raises(OperationalError), transaction.atomic():
        append_many([Act(run=lambda w: None)])
    assert lock.call_count == 1


def test_inside_somebody_elses_transaction_it_is_told_when_that_commits(heard: list[Committed]) -> None:
    with transaction.atomic():
        append_many([note()])
        assert heard == []
    assert [each.offset for each in heard] == [1]
    with transaction.atomic():
        append_many([note()])
        transaction.set_rollback(True)
    assert [each.offset for each in heard] == [1]
    assert readers.head("a") == 1


def test_rows_are_locked_in_one_order_before_streams() -> None:
    """However an act names them."""
    owner, other = people(2)
    first, second = sorted([room_of(owner, other), room_of(owner, other)])
    seen: list[str] = []
    real_rows, real_streams = locks.lock_rows, locks.lock_streams

    def lock_rows(keys: Any) -> Any:
        found = real_rows(keys)
        seen.extend(f"{model.__name__} {pk}" for model, pk in found)
        return found

    def lock_streams(keys: Any) -> Any:
        seen.append("streams")
        return real_streams(keys)

    rows: Any = [(User, owner.pk), (ChatRoom, second), (ChatRoom, first)]
    with mock.patch.object(locks, "lock_rows", lock_rows), mock.patch.object(locks, "lock_streams", lock_streams):
        append_many([Act(run=lambda w: None, rows=rows[:2], streams=["z"]), Act(run=lambda w: None, rows=rows[2:])])
    assert seen == [f"User {owner.pk}", f"ChatRoom {first}", f"ChatRoom {second}", "streams"]
