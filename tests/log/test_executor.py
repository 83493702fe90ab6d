"""Group commit: what waits together is committed together, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction

from chat.models import ChatMessage, ChatRoom
from chat.services import messages
from core.errors import Forbidden, NotFound, Unavailable
from core.log import executor, readers
from core.log.executor import MAX_BATCH, CommitExecutor
from core.log.models import Change
from core.log.writer import Act, Writer, append_many
from tests.chat.world import people, room_of
from tests.log.events import Noted

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 20


def note(number: int = 1) -> Act[int]:
    return Act(run=lambda w: w.append("a", Noted(number)), streams=["a"], buffered=True)


@pytest.fixture
def own() -> Iterator[CommitExecutor]:
    made = CommitExecutor()
    made.start()
    yield made
    made.stop(SECONDS)


class Gate:
    """An act that holds the writing thread until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

    def act(self) -> Act[None]:
        def run(w: Writer) -> None:
            self.reached.set()
            assert self.go.wait(SECONDS)

        return Act(run=run)


def test_what_waits_shares_a_transaction(own: CommitExecutor) -> None:
    sizes: list[int] = []
    real = append_many

    def count(acts: Any) -> Any:
        sizes.append(len(acts))
        return real(acts)

    gate = Gate()
    with mock.patch.object(executor, "append_many", count):
        own.submit(gate.act())
        assert gate.reached.wait(SECONDS)
        futures = [own.submit(note()) for _ in range(MAX_BATCH + 6)]
        gate.go.set()
        assert [future.result(SECONDS) for future in futures] == list(range(1, MAX_BATCH + 7))
    assert sizes == [1, MAX_BATCH, 6]


def test_a_refusal_goes_to_whom_it_concerns(own: CommitExecutor) -> None:
    def refuse(w: Writer) -> None:
        raise Forbidden

    gate = Gate()
    own.submit(gate.act())
    first, refused, second = own.submit(note()), own.submit(Act(run=refuse)), own.submit(note())
    gate.go.set()
    assert (first.result(SECONDS), second.result(SECONDS)) == (1, 2)
    with pytest.raises(Forbidden):
        refused.result(SECONDS)


def test_a_commit_that_fails_fails_for_all_of_it_and_the_thread_goes_on(own: CommitExecutor) -> None:
    with mock.patch.object(executor, "append_many", side_effect=RuntimeError("disk full")):
        future: Future[int] = own.submit(note())
        with pytest.raises(RuntimeError):
            future.result(SECONDS)
    assert own.submit(note()).result(SECONDS) == 1


def test_stopping_under_load_loses_nothing_that_was_acknowledged() -> None:
    """Whoever got an answer finds it in the database; whoever got none was told so."""
    made = CommitExecutor()
    made.start()
    acknowledged: list[int] = []
    refused = threading.Event()
    lock = threading.Lock()

    def hammer(_: int) -> None:
        while not refused.is_set():
            try:
                offset = made.submit(note()).result(SECONDS)
            except Unavailable:
                refused.set()
                return
            with lock:
                acknowledged.append(offset)

    with ThreadPoolExecutor(8) as pool:
        list_of = [pool.submit(hammer, number) for number in range(8)]
        deadline = time.monotonic() + SECONDS
        while len(acknowledged) < 50:
            assert time.monotonic() < deadline
            threading.Event().wait(0.005)
        made.stop(SECONDS)
        for each in list_of:
            each.result(SECONDS)
    offsets = set(Change.objects.filter(stream="a").values_list("offset", flat=True))
    assert len(acknowledged) == len(set(acknowledged))
    assert set(acknowledged) == offsets == set(range(1, len(offsets) + 1))
    with pytest.raises(Unavailable):
        made.submit(note())


def test_what_cannot_be_finished_in_time_is_told_and_not_left_hanging() -> None:
    made = CommitExecutor()
    made.start()
    gate = Gate()
    stuck = made.submit(gate.act())
    assert gate.reached.wait(SECONDS)
    waiting = made.submit(note())
    made.stop(timeout=0.05)
    with pytest.raises(Unavailable):
        waiting.result(SECONDS)
    gate.go.set()
    assert stuck.result(SECONDS) is None
    made.stop(SECONDS)
    assert not Change.objects.exists()


def test_too_many_that_wait_are_refused(own: CommitExecutor) -> None:
    gate = Gate()
    own.submit(gate.act())
    assert gate.reached.wait(SECONDS)
    with mock.patch.object(executor, "MAX_WAITING", 3):
        futures = [own.submit(note()) for _ in range(3)]
        with pytest.raises(Unavailable):
            own.submit(note())
    gate.go.set()
    assert [future.result(SECONDS) for future in futures] == [1, 2, 3]


def test_whoever_stops_waiting_before_its_turn_is_not_committed(own: CommitExecutor) -> None:
    gate = Gate()
    own.submit(gate.act())
    assert gate.reached.wait(SECONDS)
    gone, stays = own.submit(note()), own.submit(note())
    assert gone.cancel()
    gate.go.set()
    assert stays.result(SECONDS) == 1


@pytest.mark.usefixtures("running_executor")
def test_an_act_inside_a_transaction_stays_in_it() -> None:
    """The executor's own transaction would not see what the caller has not committed."""
    with transaction.atomic():
        assert executor.execute(note()) == 1
        transaction.set_rollback(True)
    assert readers.head("a") == 0
    assert executor.execute(note()) == 1


@pytest.mark.parametrize("with_executor", [True, False])
async def test_coroutines(with_executor: bool) -> None:
    if with_executor:
        executor.start()
    try:
        found = await asyncio.gather(*(executor.aexecute(note(number)) for number in range(20)))
        assert sorted(found) == list(range(1, 21))
        with pytest.raises(Forbidden):
            await executor.aexecute(Act(run=_refuse))
    finally:
        if with_executor:
            await asyncio.to_thread(executor.stop)
        await sync_to_async(connections.close_all)()


def _refuse(w: Writer) -> None:
    raise Forbidden


async def test_the_services_of_coroutines_do_what_the_others_do() -> None:
    executor.start()
    try:
        one, other = await sync_to_async(people)(2)
        room = await sync_to_async(room_of)(one, other)
        sent = await asyncio.gather(
            *(
                messages.asend_message(
                    sender_id=user.pk, room_id=room, content="long " * 500, client_id=str(number // 2)
                )
                for number in range(10)
                for user in (one, other)
            )
        )
        assert sorted({each.message["seq"] for each in sent}) == list(range(1, 11))
        assert sum(each.created for each in sent) == 10
        first = ChatMessage.objects.filter(sender=one)
        message = await first.afirst()
        assert message is not None
        edited = await messages.aedit_message(actor_id=one.pk, message_id=message.pk, content="new")
        gone = await messages.arecall_message(actor_id=one.pk, message_id=message.pk)
        assert (edited["version"], gone["is_deleted"]) == (2, True)
        with pytest.raises(NotFound):
            await messages.aedit_message(actor_id=one.pk, message_id=room, content="new")
        from chat.services import reads

        assert (await reads.amark_read(user_id=other.pk, room_id=room))["unread_count"] == 0
        assert (await ChatRoom.objects.aget(pk=room)).seq == 10
    finally:
        await asyncio.to_thread(executor.stop)
        await sync_to_async(connections.close_all)()
