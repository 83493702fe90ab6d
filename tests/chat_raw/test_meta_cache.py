"""``chat:meta`` and ``chat:messages``: written through, never lowered, never older than the floor."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from django.db import transaction

from chat import cache as chat_cache
from chat.cache import Floor, Meta, Page
from chat.models import ChatRoom
from chat.services.messages import recall_message, send_message
from core import redis as redis_
from core.cache_keys import CHAT_FLOOR, CHAT_MESSAGES, CHAT_META
from core.clock import format_time
from core.errors import PositionLost
from core.log.epoch import begin_new_epoch, current_epoch
from core.log.models import Stream
from core.log.readers import read_changes
from tests.chat_raw.world import Paused, commit, counting, in_thread, make_room, make_user, prepare, write


@pytest.fixture
def room() -> ChatRoom:
    return make_room()


def offset_of(room: ChatRoom) -> int:
    meta = chat_cache.get_meta(room.pk)
    assert meta is not None
    return meta.offset


def in_redis(room: ChatRoom) -> int | None:
    text = redis_.sync_client().get(CHAT_META.of(room_id=room.pk))
    return None if text is None else int(orjson.loads(text)["offset"])


def list_page(room: ChatRoom) -> Page:
    """A "list of messages" that says as of which offset it was read."""
    offset = ChatRoom.objects.values_list("offset", flat=True).get(pk=room.pk)
    return Page(offset, b"messages as of %d" % offset)


def messages_of(room: ChatRoom) -> bytes:
    return chat_cache.get_messages(room.pk, 10, lambda: list_page(room)).body


# --- meta ---------------------------------------------------------------------------------


def test_zero_queries_then_a_commit_then_the_new_offset(room: ChatRoom) -> None:
    assert offset_of(room) == 1
    with counting() as warm:
        assert offset_of(room) == 1
    assert warm.queries == 0
    assert commit(room.pk) == 2
    with counting() as after:
        assert offset_of(room) == 2
    assert after.queries == 0


def test_the_body_is_small_and_exact(room: ChatRoom) -> None:
    meta = chat_cache.get_meta(room.pk)
    assert meta is not None
    assert orjson.loads(meta.body) == {"lastMessageAt": None, "offset": 1, "epoch": current_epoch()}
    changed = write(room.pk)
    prepare(changed).announce()
    meta = chat_cache.get_meta(room.pk)
    assert meta is not None
    assert changed.last_message_at is not None
    expected = {"lastMessageAt": format_time(changed.last_message_at), "offset": 2, "epoch": current_epoch()}
    assert orjson.loads(meta.body) == expected
    largest = Meta.of(2**53, "x" * 12, format_time(changed.last_message_at))
    assert len(largest.body) <= 110


def test_a_room_that_does_not_exist_has_no_meta_and_leaves_no_key() -> None:
    assert chat_cache.get_meta(uuid4()) is None
    assert redis_.sync_client().keys("chat:*") == []


def test_the_keys_and_lifetimes_are_as_written(room: ChatRoom) -> None:
    commit(room.pk)
    client = redis_.sync_client()
    assert 0 < client.pttl(f"chat:meta:{room.pk}") <= 1000
    assert 50_000 < client.pttl(f"chat:floor:{room.pk}") <= 60_000
    messages_of(room)
    assert 0 < client.pttl(f"chat:messages:{room.pk}:10") <= 3000


def test_a_fill_that_stalls_two_seconds_across_a_commit_never_brings_the_old_state_back(
    room: ChatRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled = Paused(chat_cache.load_meta)
    monkeypatch.setattr("chat.cache.meta.load_meta", stalled)
    reader = in_thread(lambda: offset_of(room))
    stalled.wait()
    began = time.monotonic()
    assert commit(room.pk) == 2
    # For two seconds the reader stands there with the old state in its hands: longer than meta lives.
    seen = set()
    while time.monotonic() - began < 2.0:
        seen.add(offset_of(room))
    stalled.go_on()
    assert seen == {2}
    # Even the one that stalled answers what was committed meanwhile.
    assert reader.result(30) == 2
    assert offset_of(room) == 2
    assert in_redis(room) in {2, None}


def test_a_stalled_fill_is_refused_while_meta_itself_has_expired(
    room: ChatRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled = Paused(chat_cache.load_meta)
    monkeypatch.setattr("chat.cache.meta.load_meta", stalled)
    reader = in_thread(lambda: offset_of(room))
    stalled.wait()
    commit(room.pk)
    redis_.sync_client().delete(CHAT_META.of(room_id=room.pk))
    stalled.go_on()
    assert reader.result(30) == 2
    assert in_redis(room) is None  # the floor refused it; nothing older stands there


def test_a_fill_counts_its_lifetime_from_before_it_read(room: ChatRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    stalled = Paused(chat_cache.load_meta)
    monkeypatch.setattr("chat.cache.meta.load_meta", stalled)
    reader = in_thread(lambda: offset_of(room))
    stalled.wait()
    # Redis's own clock decides, so it must really pass.
    began = time.monotonic()
    while time.monotonic() - began < 1.05:
        redis_.sync_client().ping()
    stalled.go_on()
    assert reader.result(30) == 1
    assert in_redis(room) is None


def test_announcements_that_overtake_each_other_only_raise(room: ChatRoom) -> None:
    first, second = write(room.pk), write(room.pk)
    assert (first.offset, second.offset) == (2, 3)
    late, early = prepare(first), prepare(second)
    assert early.announce()
    assert in_redis(room) == 3
    assert late.announce()
    assert in_redis(room) == 3
    assert offset_of(room) == 3


def test_a_reader_who_finds_a_commit_before_its_announcement_raises_the_floor(room: ChatRoom) -> None:
    assert messages_of(room) == b"messages as of 1"
    write(room.pk)  # committed; the process died before it could say so
    redis_.sync_client().delete(CHAT_META.of(room_id=room.pk))
    assert offset_of(room) == 2
    floor = redis_.sync_client().get(CHAT_FLOOR.of(room_id=room.pk))
    assert isinstance(floor, bytes)
    assert Floor.parse(floor).offset == 2
    # What is below that floor is no answer any more, though it was cached a moment ago.
    assert messages_of(room) == b"messages as of 2"


def test_what_a_process_has_told_it_never_takes_back(room: ChatRoom) -> None:
    commit(room.pk)
    assert offset_of(room) == 2
    client = redis_.sync_client()
    old = Meta.of(1, current_epoch(), None)
    client.set(CHAT_META.of(room_id=room.pk), old.body, px=1000)
    client.delete(CHAT_FLOOR.of(room_id=room.pk))
    assert offset_of(room) == 2


def test_a_new_epoch_begins_anew(room: ChatRoom) -> None:
    for _ in range(3):
        commit(room.pk)
    restored = make_room()
    client = redis_.sync_client()
    # As after a restored backup: Redis knows a later state of the room, of the epoch before.
    client.rename(CHAT_META.of(room_id=room.pk), CHAT_META.of(room_id=restored.pk))
    client.rename(CHAT_FLOOR.of(room_id=room.pk), CHAT_FLOOR.of(room_id=restored.pk))
    epoch = begin_new_epoch()
    meta = chat_cache.get_meta(restored.pk)
    assert meta is not None
    assert (meta.offset, meta.epoch) == (1, epoch)
    commit(restored.pk)
    with counting() as count:
        meta = chat_cache.get_meta(restored.pk)
    assert meta is not None
    assert (meta.offset, meta.epoch, count.queries) == (2, epoch, 0)


# --- messages -----------------------------------------------------------------------------


def test_cached_messages_cost_no_query_and_are_new_after_a_commit(room: ChatRoom) -> None:
    messages_of(room)
    with counting() as warm:
        assert messages_of(room) == b"messages as of 1"
    assert warm.queries == 0
    commit(room.pk)
    assert redis_.sync_client().exists(CHAT_MESSAGES.of(room_id=room.pk, limit=10)) == 0
    assert messages_of(room) == b"messages as of 2"


@pytest.mark.parametrize("limit", chat_cache.MESSAGE_LIMITS)
def test_a_list_that_stalls_across_a_commit_is_refused_and_read_again(room: ChatRoom, limit: int) -> None:
    stalled = Paused(lambda: list_page(room))
    reader = in_thread(lambda: chat_cache.get_messages(room.pk, limit, stalled))
    stalled.wait()
    commit(room.pk)
    stalled.go_on()
    assert reader.result(30).body == b"messages as of 2"
    assert stalled.calls == 2
    assert chat_cache.get_messages(room.pk, limit, stalled).body == b"messages as of 2"
    assert stalled.calls == 2


def test_a_list_older_than_three_seconds_is_not_kept(room: ChatRoom) -> None:
    stalled = Paused(lambda: list_page(room))
    reader = in_thread(lambda: chat_cache.get_messages(room.pk, 10, stalled))
    stalled.wait()
    began = time.monotonic()
    while time.monotonic() - began < 3.05:
        redis_.sync_client().ping()
    stalled.go_on()
    assert reader.result(30).body == b"messages as of 1"
    assert redis_.sync_client().exists(CHAT_MESSAGES.of(room_id=room.pk, limit=10)) == 0


def test_a_list_that_nobody_dropped_is_not_used_below_the_floor(room: ChatRoom) -> None:
    messages_of(room)
    key = CHAT_MESSAGES.of(room_id=room.pk, limit=10)
    old = redis_.sync_client().get(key)
    assert old is not None
    commit(room.pk)
    redis_.sync_client().set(key, old)
    assert messages_of(room) == b"messages as of 2"


def test_other_limits_are_read_each_time(room: ChatRoom) -> None:
    with counting() as count:
        for _ in range(3):
            chat_cache.get_messages(room.pk, 33, lambda: list_page(room))
    assert count.queries == 3


# --- changes and members ------------------------------------------------------------------


def page_of(room: ChatRoom, after: int, limit: int = 50) -> dict[str, Any]:
    page: dict[str, Any] = orjson.loads(chat_cache.changes_page(room.pk, after=after, limit=limit))
    return page


def offsets(page: dict[str, Any]) -> list[int]:
    return [change["offset"] for change in page["changes"]]


@pytest.fixture
def lively() -> ChatRoom:
    """A room with a hundred messages."""
    owner = make_user()
    room = make_room(owner, offset=0)
    for number in range(100):
        send_message(sender_id=owner.pk, room_id=room.pk, content=f"message {number}")
    return room


@pytest.mark.parametrize("limit", [1, 5, 50, 200])
@pytest.mark.parametrize("after", [0, 1, 50, 67, 68, 69, 95, 99, 100])
def test_a_cached_page_says_what_the_log_says(lively: ChatRoom, after: int, limit: int) -> None:
    expected = read_changes(lively.stream, after=after, limit=limit).as_dict()
    assert page_of(lively, after, limit) == expected
    with counting() as count:
        assert page_of(lively, after, limit) == expected
    assert count.queries == 0


def test_readers_at_many_offsets_share_one_reading(lively: ChatRoom) -> None:
    page_of(lively, 99)
    with counting() as count:
        for after in range(70, 100):
            assert offsets(page_of(lively, after)) == list(range(after + 1, 101))
    assert count.queries == 0


def test_a_change_moves_every_page(lively: ChatRoom) -> None:
    assert offsets(page_of(lively, 98)) == [99, 100]
    owner = lively.memberships.get().user
    message = send_message(sender_id=owner.pk, room_id=lively.pk, content="one more").message
    assert offsets(page_of(lively, 98)) == [99, 100, 101]
    recall_message(actor_id=owner.pk, message_id=UUID(message["id"]))
    page = page_of(lively, 100)
    assert offsets(page) == [101, 102]
    # Content lives in rows: what was recalled is nowhere on a page any more.
    assert "one more" not in orjson.dumps(page).decode()


def test_a_position_that_compaction_took_is_lost_and_the_next_one_is_not(lively: ChatRoom) -> None:
    Stream.objects.filter(key=lively.stream).update(floor=90)
    assert offsets(page_of(lively, 90)) == list(range(91, 101))
    for after in (0, 70, 89, 101):
        with pytest.raises(PositionLost):
            chat_cache.changes_page(lively.pk, after=after, limit=50)


def test_a_page_of_a_room_that_is_gone(room: ChatRoom) -> None:
    with pytest.raises(PositionLost):
        chat_cache.changes_page(uuid4(), after=5, limit=50)


def test_a_deleted_room_leaves_nothing_to_serve(room: ChatRoom) -> None:
    offset_of(room)
    messages_of(room)
    ChatRoom.objects.filter(pk=room.pk).delete()
    pipe = redis_.sync_client().pipeline(transaction=False)
    chat_cache.forget_room(pipe, room.pk, [])
    pipe.execute()
    assert chat_cache.get_meta(room.pk) is None
    assert redis_.sync_client().keys(f"chat:me*:{room.pk}*") == []


def test_reading_inside_a_transaction_tells_nobody(room: ChatRoom) -> None:
    with transaction.atomic():
        ChatRoom.objects.filter(pk=room.pk).update(offset=99)
        assert offset_of(room) == 99
        transaction.set_rollback(True)
    assert offset_of(room) == 1


def test_without_redis_the_database_answers_each_time(room: ChatRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    current_epoch()
    monkeypatch.setattr("core.redis.REST_SECONDS", 3600)
    redis_.breaker.trip()
    with counting() as count:
        assert [offset_of(room), offset_of(room)] == [1, 1]
    assert count.queries == 2
    write(room.pk)
    assert offset_of(room) == 2
    assert messages_of(room) == b"messages as of 2"
    redis_.breaker.reset()
