"""``GET rooms/{id}/meta`` as clients see it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from accounts.models import User
from accounts.tokens import make_access_token
from chat import cache as chat_cache
from chat.models import ChatRoom, Membership
from core import cache
from core import redis as redis_
from core.log.epoch import current_epoch
from core.log.executor import execute as execute_act
from core.log.writer import Act, Writer
from tests.chat_raw import world
from tests.chat_raw.conftest import Poller, no_django
from tests.chat_raw.world import Paused, counting

commit = sync_to_async(world.commit)
PATHS = [f"{prefix}/rooms/{{id}}/meta{slash}" for prefix in ["", "/api/v1", "/api/chat", "/api"] for slash in ["", "/"]]


@pytest.fixture
async def room(poller: Poller) -> ChatRoom:
    return await sync_to_async(world.make_room)(poller.user)


@pytest.mark.parametrize("path", PATHS)
async def test_every_documented_path_answers_without_a_django_view(
    poller: Poller, room: ChatRoom, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with no_django(monkeypatch):
        response = await poller.get(path.format(id=room.pk))
    assert response.status_code == 200
    assert response.json() == {"lastMessageAt": None, "offset": 1, "epoch": current_epoch()}
    assert len(response.content) <= 110
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["content-length"] == str(len(response.content))


async def test_a_strong_etag_a_304_and_a_new_tag_after_a_change(poller: Poller, room: ChatRoom) -> None:
    path = f"/api/v1/rooms/{room.pk}/meta"
    first = await poller.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert tag.endswith('"')
    same = await poller.get(path, if_none_match=tag)
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert same.headers["cache-control"] == "private, no-cache"
    await commit(room.pk)
    changed = await poller.get(path, if_none_match=tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert changed.json()["offset"] == 2


@pytest.mark.parametrize(
    ("asked", "status"),
    [("{tag}", 304), ("W/{tag}", 304), ('"other", {tag}', 304), ("*", 304), ('"other"', 200), ("", 200), ('"', 200)],
)
async def test_if_none_match_in_all_its_forms(poller: Poller, room: ChatRoom, asked: str, status: int) -> None:
    path = f"/rooms/{room.pk}/meta"
    tag = (await poller.get(path)).headers["etag"]
    response = await poller.get(path, if_none_match=asked.format(tag=tag))
    assert response.status_code == status


async def test_head_has_the_headers_and_no_body(poller: Poller, room: ChatRoom) -> None:
    path = f"/rooms/{room.pk}/meta"
    get, head = await poller.get(path), await poller.request("HEAD", path)
    assert head.status_code == 200
    assert head.content == b""
    assert dict(head.headers) == dict(get.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused_in_the_one_shape(poller: Poller, room: ChatRoom, method: str) -> None:
    response = await poller.request(method, f"/rooms/{room.pk}/meta")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    body = response.json()
    assert body["type"] == "client_error"
    assert body["errors"][0]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "Bearer a.b.c", "Bearer " + "x" * 5000],
)
async def test_without_a_good_token_401(poller: Poller, room: ChatRoom, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    response = await poller.http.get(f"/rooms/{room.pk}/meta", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["code"] in {"not_authenticated", "authentication_failed"}


async def test_an_expired_token_401(poller: Poller, room: ChatRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await poller.get(f"/rooms/{room.pk}/meta")).status_code == 200
    later = time.time() + timedelta(days=1).total_seconds()
    monkeypatch.setattr("accounts.tokens.time.time", lambda: later)
    assert (await poller.get(f"/rooms/{room.pk}/meta")).status_code == 401


async def test_a_token_of_an_ended_sign_in_401(poller: Poller, room: ChatRoom) -> None:
    other = make_access_token(user_id=poller.user.pk, sid=uuid4(), gen=1)
    response = await poller.http.get(f"/rooms/{room.pk}/meta", headers={"authorization": f"Bearer {other}"})
    assert response.status_code == 401


@pytest.mark.parametrize("room_id", ["nonsense", "0", "-1", "%00", "é", "a" * 3000, str(uuid4()), "{", "%2e%2e"])
async def test_what_is_no_room_is_404_in_the_one_shape(poller: Poller, room_id: str) -> None:
    response = await poller.get(f"/rooms/{room_id}/meta")
    assert response.status_code == 404
    assert response.json() == {
        "type": "client_error",
        "errors": [{"code": "not_found", "detail": "Not found.", "attr": None}],
    }


async def test_outsiders_of_a_private_room_404_of_a_public_one_403(poller: Poller) -> None:
    private = await sync_to_async(world.make_room)()
    public = await sync_to_async(world.make_room)(kind="public")
    assert (await poller.get(f"/rooms/{private.pk}/meta")).status_code == 404
    response = await poller.get(f"/rooms/{public.pk}/meta")
    assert response.status_code == 403
    assert response.json()["errors"][0]["code"] == "permission_denied"


async def test_errors_name_nothing_of_a_room(poller: Poller) -> None:
    private = await sync_to_async(world.make_room)()
    exists, missing = await poller.get(f"/rooms/{private.pk}/meta"), await poller.get(f"/rooms/{uuid4()}/meta")
    assert exists.json() == missing.json()
    assert "etag" not in exists.headers


async def test_zero_queries_then_a_commit_then_the_new_offset(listening: None, poller: Poller, room: ChatRoom) -> None:
    assert (await poller.meta(room.pk))["offset"] == 1
    before = redis_.sync_client().info("commandstats")["cmdstat_eval"]["calls"]
    with counting() as warm:
        for _ in range(5):
            assert (await poller.meta(room.pk))["offset"] == 1
    after = redis_.sync_client().info("commandstats")["cmdstat_eval"]["calls"]
    assert (warm.queries, after - before) == (0, 0)
    for offset in range(2, 12):
        assert await commit(room.pk) == offset
        with counting() as fresh:
            assert (await poller.meta(room.pk))["offset"] == offset
        assert fresh.queries == 0


async def test_an_acknowledged_commit_is_seen_by_the_very_next_poll_without_any_pause(
    listening: None, poller: Poller, room: ChatRoom
) -> None:
    await poller.meta(room.pk)
    changed = await sync_to_async(world.write)(room.pk)
    # From here on the loop does not turn: no message of the channel can have helped.
    assert world.prepare(changed).announce()
    meta = chat_cache.local_meta(room.pk)
    assert meta is not None
    assert meta.offset == 2
    assert (await poller.meta(room.pk))["offset"] == 2


async def test_many_pollers_of_a_cold_room_share_one_query(listening: None, poller: Poller, room: ChatRoom) -> None:
    await poller.meta(room.pk)
    redis_.sync_client().delete(f"chat:meta:{room.pk}")
    cache.invalidate(f"chat:meta:{room.pk}")
    with counting() as count:
        offsets = await asyncio.gather(*[poller.meta(room.pk) for _ in range(30)])
    assert {answer["offset"] for answer in offsets} == {1}
    assert count.queries == 1


async def test_a_fill_paused_across_a_commit_answers_the_new_state_and_leaves_no_old_one(
    listening: None, poller: Poller, room: ChatRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled = Paused(chat_cache.load_meta)
    monkeypatch.setattr("chat.cache.meta.load_meta", stalled)
    early = asyncio.create_task(poller.meta(room.pk))
    await asyncio.to_thread(stalled.wait)
    await commit(room.pk)
    began = time.monotonic()
    seen = set()
    while time.monotonic() - began < 2.0:
        seen.add((await poller.meta(room.pk))["offset"])
    stalled.go_on()
    assert (await early)["offset"] == 2
    assert seen == {2}
    assert (await poller.meta(room.pk))["offset"] == 2


async def test_a_member_who_is_removed_is_out_at_once(listening: None, poller: Poller, room: ChatRoom) -> None:
    await poller.meta(room.pk)

    def remove(w: Writer) -> None:
        Membership.objects.filter(room=room, user=poller.user).delete()
        w.on_commit(lambda pipe: chat_cache.forget_members(pipe, room.pk, [poller.user.pk]))

    await sync_to_async(execute_act)(Act(run=remove))
    assert (await poller.get(f"/rooms/{room.pk}/meta")).status_code == 404


async def test_somebody_who_is_added_is_in_at_once(listening: None, poller: Poller) -> None:
    room = await sync_to_async(world.make_room)()
    assert (await poller.get(f"/rooms/{room.pk}/meta")).status_code == 404

    def add(w: Writer) -> None:
        world.add_member(room, poller.user)
        w.on_commit(lambda pipe: chat_cache.forget_members(pipe, room.pk, [poller.user.pk]))

    await sync_to_async(execute_act)(Act(run=add))
    assert (await poller.get(f"/rooms/{room.pk}/meta")).status_code == 200


async def test_membership_and_token_cost_no_query_when_warm(listening: None, poller: Poller, room: ChatRoom) -> None:
    await poller.meta(room.pk)
    with counting() as count:
        assert await chat_cache.amember_role(room.pk, poller.user.pk) == "member"
        assert await chat_cache.amember_role(room.pk, poller.user.pk) == "member"
    assert count.queries == 0


async def test_a_banned_user_is_out_even_while_the_caches_are_warm(
    listening: None, poller: Poller, room: ChatRoom
) -> None:
    await poller.meta(room.pk)
    await User.objects.filter(pk=poller.user.pk).aupdate(token_generation=2)
    await sync_to_async(cache.invalidate)(f"auth:gen:{poller.user.pk}")
    assert (await poller.get(f"/rooms/{room.pk}/meta")).status_code == 401


async def test_an_error_nobody_foresaw_is_500_in_the_one_shape_and_tells_nothing(
    poller: Poller, room: ChatRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("chat.cache.meta.load_meta", fail)
    response = await poller.get(f"/rooms/{room.pk}/meta")
    assert response.status_code == 500
    assert response.json()["type"] == "server_error"
    assert "hunter2" not in response.text


async def test_a_thousand_questions_of_a_stranger_write_nothing(
    listening: None, poller: Poller, room: ChatRoom
) -> None:
    stranger = await sync_to_async(world.make_user)()
    token = await sync_to_async(world.make_token)(stranger)
    headers = {"authorization": f"Bearer {token}"}
    rooms = await ChatRoom.objects.acount()
    for _ in range(10):
        answers = await asyncio.gather(
            *[poller.http.get(f"/rooms/{room.pk}/meta", headers=headers) for _ in range(100)]
        )
        assert {answer.status_code for answer in answers} == {404}
    assert await ChatRoom.objects.acount() == rooms
    assert not await Membership.objects.filter(user=stranger).aexists()
