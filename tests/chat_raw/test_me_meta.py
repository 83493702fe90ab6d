"""``GET me/meta``: one poll for all rooms, exact, and without a query when warm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from accounts.models import User
from chat import cache as chat_cache
from chat.models import ChatRoom, Membership
from chat.raw import me_meta
from core import redis as redis_
from core.cache_keys import CHAT_FLOOR, CHAT_ME, CHAT_ME_CURSOR
from core.log.epoch import current_epoch
from core.log.executor import execute as execute_act
from core.log.models import Stream
from core.log.writer import Act, Writer
from tests.chat_raw import world
from tests.chat_raw.conftest import Poller, no_django
from tests.chat_raw.world import Paused, counting

T = TypeVar("T")
commit = sync_to_async(world.commit)
make_room = sync_to_async(world.make_room)


async def act(run: Callable[[Writer], T]) -> T:
    """An act of the log, with its hooks."""
    return await sync_to_async(execute_act)(Act(run=run))


async def join(room: ChatRoom, user: User) -> None:
    def run(w: Writer) -> None:
        world.add_member(room, user)
        w.on_commit(lambda pipe: chat_cache.forget_members(pipe, room.pk, [user.pk]))

    await act(run)


async def leave(room: ChatRoom, user: User) -> None:
    def run(w: Writer) -> None:
        Membership.objects.filter(room=room, user=user).delete()
        w.on_commit(lambda pipe: chat_cache.forget_members(pipe, room.pk, [user.pk]))

    await act(run)


async def read_up_to(room: ChatRoom, user: User, seq: int) -> None:
    def run(w: Writer) -> None:
        Membership.objects.filter(room=room, user=user).update(read_seq=seq)
        w.on_commit(lambda pipe: chat_cache.touch_user(pipe, user.pk))

    await act(run)


async def test_the_first_poll_tells_everything_the_next_nothing(poller: Poller) -> None:
    rooms = [await make_room(poller.user, offset=number, seq=number) for number in (1, 2, 3)]
    first = await poller.me()
    assert first["changed"] == {str(room.pk): room.offset for room in rooms}
    assert (first["epoch"], first["offset"], first["unread"], first["more"]) == (current_epoch(), 0, 6, False)
    second = await poller.me(first["cursor"])
    assert second == first | {"changed": {}}


async def test_zero_queries_then_a_commit_then_the_new_offset(
    listening: None, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, quiet = await make_room(poller.user), await make_room(poller.user)
    cursor = (await poller.me())["cursor"]
    with counting() as warm, no_django(monkeypatch):
        assert (await poller.me(cursor))["changed"] == {}
    assert warm.queries == 0
    for offset in range(2, 8):
        await commit(room.pk)
        with counting() as fresh:
            answer = await poller.me(cursor)
        assert answer["changed"] == {str(room.pk): offset}
        assert answer["unread"] == offset - 1
        assert fresh.queries == 0
        cursor = answer["cursor"]
    await commit(quiet.pk)
    assert (await poller.me(cursor))["changed"] == {str(quiet.pk): 2}


async def test_every_path_and_the_tag(poller: Poller) -> None:
    room = await make_room(poller.user)
    since = (await poller.me())["cursor"]
    for path in ("/api/v1/me/meta", "/api/v1/me/meta/", "/api/me/meta"):
        first = await poller.get(f"{path}?since={since}")
        assert first.status_code == 200
        assert first.headers["cache-control"] == "private, no-cache"
        again = await poller.get(f"{path}?since={since}", if_none_match=first.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
    await commit(room.pk)
    changed = await poller.get(f"/api/v1/me/meta?since={since}", if_none_match=first.headers["etag"])
    assert changed.status_code == 200
    assert changed.json()["changed"] == {str(room.pk): 2}


@pytest.mark.parametrize("since", ["nonsense", "x" * 10_000, "%00", "é", "*", "%0A", "a&since=b", "%F0%28%8C%28"])
async def test_a_cursor_that_nobody_gave_tells_everything(poller: Poller, since: str) -> None:
    room = await make_room(poller.user)
    await poller.me()
    assert (await poller.me(since))["changed"] == {str(room.pk): 1}


async def test_another_persons_cursor_is_worth_nothing(poller: Poller) -> None:
    room = await make_room(poller.user)
    other = Poller(poller.http, await sync_to_async(world.make_user)(), "")
    other.token = await sync_to_async(world.make_token)(other.user)
    await make_room(other.user)
    cursor = (await other.me())["cursor"]
    assert (await poller.me(cursor))["changed"] == {str(room.pk): 1}


async def test_without_a_token_401_and_nobody_in_no_room_gets_an_empty_answer(poller: Poller) -> None:
    assert (await poller.http.get("/api/v1/me/meta")).status_code == 401
    answer = await poller.me()
    assert (answer["changed"], answer["unread"], answer["more"]) == ({}, 0, False)
    with counting() as count:
        assert (await poller.me(answer["cursor"])) == answer
    assert count.queries == 0


async def test_joining_and_leaving_are_seen_at_once(listening: None, poller: Poller) -> None:
    stays, comes = await make_room(poller.user), await make_room(seq=4, offset=9)
    answer = await poller.me()
    assert answer["changed"] == {str(stays.pk): 1}
    await join(comes, poller.user)
    answer = await poller.me(answer["cursor"])
    assert (answer["changed"], answer["unread"]) == ({str(comes.pk): 9}, 4)
    await leave(comes, poller.user)
    answer = await poller.me(answer["cursor"])
    assert (answer["changed"], answer["unread"]) == ({}, 0)
    await join(comes, poller.user)
    assert str(comes.pk) in (await poller.me())["changed"]


async def test_reading_changes_unread_and_no_room(listening: None, poller: Poller) -> None:
    room = await make_room(poller.user, seq=5)
    answer = await poller.me()
    assert answer["unread"] == 5
    await read_up_to(room, poller.user, 3)
    answer = await poller.me(answer["cursor"])
    assert (answer["unread"], answer["changed"]) == (2, {})


async def test_the_own_stream_is_there_at_once(listening: None, poller: Poller) -> None:
    key = f"user:{poller.user.pk}"
    await Stream.objects.acreate(key=key, offset=3)
    answer = await poller.me()
    assert answer["offset"] == 3
    # As the log's announcer does when something was appended to a user's stream.
    await Stream.objects.filter(key=key).aupdate(offset=4)
    pipe = redis_.sync_client().pipeline(transaction=False)
    chat_cache.touch_user(pipe, poller.user.pk)
    pipe.execute()
    assert (await poller.me(answer["cursor"]))["offset"] == 4


async def test_what_is_ones_own_is_not_in_the_answer_of_others(listening: None, poller: Poller) -> None:
    mine = await make_room(poller.user)
    await make_room()
    assert set((await poller.me())["changed"]) == {str(mine.pk)}


async def test_a_lost_vector_tells_everything_again_unless_nothing_has_changed(listening: None, poller: Poller) -> None:
    rooms = [await make_room(poller.user) for _ in range(3)]
    cursor = (await poller.me())["cursor"]
    key = CHAT_ME_CURSOR.of(user_id=poller.user.pk, cursor=cursor)
    assert redis_.sync_client().delete(key) == 1
    # The cursor is the digest of what is still true: nobody needs the vector for that.
    assert (await poller.me(cursor))["changed"] == {}
    redis_.sync_client().delete(key)
    await commit(rooms[0].pk)
    answer = await poller.me(cursor)
    assert answer["changed"] == {str(room.pk): 2 if room == rooms[0] else 1 for room in rooms}
    assert (await poller.me(answer["cursor"]))["changed"] == {}


async def test_a_redis_that_forgets_everything_changes_no_answer(listening: None, poller: Poller) -> None:
    room = await make_room(poller.user)
    cursor = (await poller.me())["cursor"]
    await commit(room.pk)
    redis_.sync_client().flushall()
    assert (await poller.me(cursor))["changed"] == {str(room.pk): 2}


async def test_pages_of_two_hundred_until_there_is_no_more(
    listening: None, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(me_meta, "PAGE", 4)
    rooms = {str((await make_room(poller.user, offset=5)).pk): 5 for _ in range(10)}
    told: dict[str, int] = {}
    cursor, pages = "", []
    while True:
        answer = await poller.me(cursor)
        assert not told.keys() & answer["changed"].keys()
        told |= answer["changed"]
        pages.append(len(answer["changed"]))
        cursor = answer["cursor"]
        if not answer["more"]:
            break
    assert (pages, told) == ([4, 4, 2], rooms)
    assert (await poller.me(cursor))["changed"] == {}


async def test_a_change_between_two_pages_is_not_missed(
    listening: None, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(me_meta, "PAGE", 2)
    for _ in range(4):
        await make_room(poller.user)
    first = await poller.me()
    moved = next(iter(first["changed"]))
    await commit(moved)
    told = dict(first["changed"])
    cursor, more = first["cursor"], True
    while more:
        answer = await poller.me(cursor)
        told |= answer["changed"]
        cursor, more = answer["cursor"], answer["more"]
    assert len(told) == 4
    assert told[moved] == 2


async def test_two_tabs_at_different_cursors_each_get_what_they_lack(listening: None, poller: Poller) -> None:
    one, two = await make_room(poller.user), await make_room(poller.user)
    early = (await poller.me())["cursor"]
    await commit(one.pk)
    late = (await poller.me(early))["cursor"]
    await commit(two.pk)
    assert (await poller.me(late))["changed"] == {str(two.pk): 2}
    assert (await poller.me(early))["changed"] == {str(one.pk): 2, str(two.pk): 2}


async def test_a_vector_that_was_left_behind_does_not_stay_long(listening: None, poller: Poller) -> None:
    room = await make_room(poller.user)
    first = (await poller.me())["cursor"]
    await commit(room.pk)
    await poller.me(first)
    left = redis_.sync_client().pttl(CHAT_ME_CURSOR.of(user_id=poller.user.pk, cursor=first))
    assert 0 < left <= me_meta.LEFT_BEHIND_MS


async def test_a_snapshot_that_stalls_across_a_join_does_not_land(
    listening: None, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = await make_room(poller.user), await make_room()
    stalled = Paused(me_meta._load_snapshot)
    monkeypatch.setattr(me_meta, "_load_snapshot", stalled)
    early = asyncio.create_task(poller.me())
    await asyncio.to_thread(stalled.wait)
    await join(new, poller.user)
    assert set((await poller.me())["changed"]) == {str(old.pk), str(new.pk)}
    stalled.go_on()
    assert set((await early)["changed"]) == {str(old.pk), str(new.pk)}
    assert set((await poller.me())["changed"]) == {str(old.pk), str(new.pk)}


async def test_a_snapshot_that_stalls_across_a_commit_is_lifted_by_the_floor(
    listening: None, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await make_room(poller.user)
    stalled = Paused(me_meta._load_snapshot)
    monkeypatch.setattr(me_meta, "_load_snapshot", stalled)
    early = asyncio.create_task(poller.me())
    await asyncio.to_thread(stalled.wait)
    await commit(room.pk)
    stalled.go_on()
    assert (await early)["changed"] == {str(room.pk): 2}
    assert (await poller.me())["changed"] == {str(room.pk): 2}


async def test_floors_outlive_every_snapshot(poller: Poller) -> None:
    room = await make_room(poller.user)
    await poller.me()
    await commit(room.pk)
    client = redis_.sync_client()
    assert client.pttl(CHAT_ME.of(user_id=poller.user.pk)) < client.pttl(CHAT_FLOOR.of(room_id=room.pk)) - 10_000


async def test_without_redis_all_is_told_whole_and_right(poller: Poller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(me_meta, "PAGE", 2)
    monkeypatch.setattr("core.redis.REST_SECONDS", 3600)
    rooms = [await make_room(poller.user) for _ in range(5)]
    redis_.breaker.trip()
    first = await poller.me()
    # No vector can be kept, so there are no pages: a client would start over for ever.
    assert (len(first["changed"]), first["more"]) == (5, False)
    assert (await poller.me(first["cursor"]))["changed"] == {}
    await sync_to_async(world.write)(rooms[0].pk)
    answer = await poller.me(first["cursor"])
    assert answer["changed"] == {str(room.pk): 2 if room == rooms[0] else 1 for room in rooms}
    redis_.breaker.reset()


async def test_redis_that_fails_between_two_steps_changes_no_answer(
    listening: None, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [await make_room(poller.user) for _ in range(3)]
    everything: dict[str, Any] = {str(room.pk): 1 for room in rooms}
    for step in ("_recall", "_remember"):
        with monkeypatch.context() as broken:

            async def fail(*_: object, answer: Any = None if step == "_recall" else False) -> Any:
                return answer

            broken.setattr(me_meta, step, fail)
            answer = await poller.me(uuid4().hex)
        assert (answer["changed"], answer["more"]) == (everything, False)


async def test_the_cost_of_a_warm_poll_does_not_grow_with_the_rooms(listening: None, poller: Poller) -> None:
    async def commands() -> int:
        cursor = (await poller.me())["cursor"]
        before = redis_.sync_client().info("stats")["total_commands_processed"]
        await poller.me(cursor)
        return int(redis_.sync_client().info("stats")["total_commands_processed"] - before)

    await make_room(poller.user)
    few = await commands()
    for _ in range(20):
        await join(await make_room(), poller.user)
    assert abs(await commands() - few) <= 4
