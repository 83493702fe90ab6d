"""The guarantee across processes: at once for readers of Redis, elsewhere after the invalidation, and
never later than a second even when that is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from chat import cache as chat_cache
from chat.models import ChatRoom, Membership
from core import redis as redis_
from core.cache_keys import INVALIDATE_CHANNEL
from tests.chat_raw.world import commit, in_thread, make_room, make_user, prepare, write
from tests.support.places import ROOT
from tests.support.services import Valkey, wait_for


class Other:
    """A second server process."""

    def __init__(self) -> None:
        database = connection.settings_dict
        if connection.vendor == "sqlite":
            url = f"sqlite:///{database['NAME']}"
        else:
            url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chat_raw.second_process"],
            cwd=ROOT,
            env=os.environ
            | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL}
            | {"LOG_TO": "file"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return str(self.process.stdout.readline()).strip()

    def ask(self, do: str, **arguments: str) -> dict[str, Any]:
        """Have it do something."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def offset(self, room: ChatRoom) -> int:
        """What it says of a room."""
        return int(self.ask("meta", room=str(room.pk))["offset"])

    def close(self) -> None:
        """End it in order."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(20) == 0
        self.process.stdout.close()


@pytest.fixture
def other(own_redis: Valkey) -> Iterator[Other]:
    process = Other()
    assert process.process.pid != os.getpid()
    yield process
    process.close()


@pytest.fixture
def room() -> ChatRoom:
    return make_room()


def soon(condition: Callable[[], bool], seconds: float) -> float:
    """Seconds until the condition held; fails when it did not within ``seconds``."""
    began = time.monotonic()
    wait_for(condition, "it", seconds)
    return time.monotonic() - began


def _says(other: Other, room: ChatRoom, offset: int) -> bool:
    return other.offset(room) == offset


def _has_role(other: Other, where: dict[str, str], role: str | None) -> bool:
    return bool(other.ask("role", **where)["role"] == role)


def test_zero_queries_then_a_commit_here_then_the_new_offset_there(other: Other, room: ChatRoom) -> None:
    assert other.offset(room) == 1
    warm = other.ask("meta", room=str(room.pk))
    assert warm == {"offset": 1, "queries": 0, "copied": True}
    for offset in range(2, 30):
        assert commit(room.pk) == offset
        soon(partial(_says, other, room, offset), 0.5)
        again = other.ask("meta", room=str(room.pk))
        assert (again["offset"], again["queries"]) == (offset, 0)


def test_a_commit_there_is_seen_here_at_once_because_here_redis_is_read(other: Other, room: ChatRoom) -> None:
    for offset in range(2, 12):
        assert other.ask("change", room=str(room.pk))["offset"] == offset
        meta = chat_cache.get_meta(room.pk)
        assert meta is not None
        assert meta.offset == offset


def test_never_later_than_a_second_even_when_the_invalidation_is_lost(
    other: Other, room: ChatRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cache.INVALIDATE_CHANNEL", "nobody listens here")
    for offset in range(2, 5):
        # Let the copy be as young as it can be when the change comes.
        soon(lambda: other.ask("meta", room=str(room.pk))["copied"], 1.0)
        commit(room.pk)
        acknowledged = time.monotonic()
        while other.offset(room) < offset:
            assert time.monotonic() - acknowledged <= 1.0
        assert other.offset(room) == offset


def test_never_later_than_a_second_even_when_redis_heard_nothing_at_all(other: Other, room: ChatRoom) -> None:
    for offset in range(2, 5):
        soon(lambda: other.ask("meta", room=str(room.pk))["copied"], 1.0)
        write(room.pk)  # in the database, and nowhere else: as if the process had been killed
        committed = time.monotonic()
        while other.offset(room) < offset:
            assert time.monotonic() - committed <= 1.0


def test_a_fill_that_stalls_there_across_a_commit_here_brings_nothing_old_back(other: Other, room: ChatRoom) -> None:
    other.ask("stall", room=str(room.pk))
    assert commit(room.pk) == 2
    began = time.monotonic()
    while time.monotonic() - began < 2.0:
        meta = chat_cache.get_meta(room.pk)
        assert meta is not None
        assert meta.offset == 2
    assert other.ask("go_on")["offset"] == 2
    assert other.offset(room) == 2
    meta = chat_cache.get_meta(room.pk)
    assert meta is not None
    assert meta.offset == 2


def test_a_fill_there_that_began_before_redis_forgot_everything_stores_nothing(other: Other, room: ChatRoom) -> None:
    other.ask("stall", room=str(room.pk))
    commit(room.pk)
    redis_.sync_client().flushall()  # and with it the floor that would refuse the fill
    other.ask("go_on")
    assert redis_.sync_client().keys(f"chat:*:{room.pk}") == []
    assert other.offset(room) == 2


def test_a_removed_member_is_out_there_after_the_invalidation(other: Other, room: ChatRoom) -> None:
    user = make_user()
    where = {"room": str(room.pk), "user": str(user.pk)}
    assert other.ask("role", **where)["role"] is None
    for role in ("member", None, "admin", None):
        Membership.objects.filter(room=room, user=user).delete()
        if role:
            Membership.objects.create(id=user.pk, room=room, user=user, role=role)
        pipe = redis_.sync_client().pipeline(transaction=False)
        chat_cache.forget_members(pipe, room.pk, [user.pk])
        pipe.execute()
        soon(partial(_has_role, other, where, role), 0.5)


def test_the_poll_for_all_rooms_is_exact_there_too(other: Other) -> None:
    user = make_user()
    rooms = [make_room(user) for _ in range(3)]
    cursor = other.ask("me", user=str(user.pk))["cursor"]
    for room in rooms:
        offset = commit(room.pk)
        answer = other.ask("me", user=str(user.pk), since=cursor)
        assert answer["changed"] == {str(room.pk): offset}
        cursor = answer["cursor"]


def test_redis_killed_in_the_middle_changes_no_answer(other: Other, room: ChatRoom, own_redis: Valkey) -> None:
    user = make_user()
    where = {"room": str(room.pk), "user": str(user.pk)}
    assert other.ask("role", **where) == {"role": None, "up": True}
    assert other.offset(room) == 1
    own_redis.kill()
    changed = write(room.pk)
    assert not prepare(changed).announce()
    Membership.objects.create(id=user.pk, room=room, user=user)
    soon(lambda: not other.ask("up")["up"], 1.0)
    assert other.ask("role", **where)["role"] == "member"
    soon(lambda: other.offset(room) == 2, 1.0)
    with_redis_gone = chat_cache.get_meta(room.pk)
    assert with_redis_gone is not None
    assert with_redis_gone.offset == 2
    own_redis.start()
    soon(lambda: bool(other.ask("up")["up"]), 5.0)
    redis_.breaker.reset()
    assert commit(room.pk) == 3
    soon(lambda: other.offset(room) == 3, 0.5)
    assert other.ask("role", **where)["role"] == "member"


def test_both_commit_and_both_poll_and_nobody_ever_goes_back(other: Other, room: ChatRoom) -> None:
    def commit_here() -> list[int]:
        return [commit(room.pk) for _ in range(40)]

    here = in_thread(commit_here)
    seen_there = []
    while not here.done():
        seen_there.append(other.offset(room))
        seen_there.append(int(other.ask("change", room=str(room.pk))["offset"]))
        meta = chat_cache.get_meta(room.pk)
        assert meta is not None
        # What the other has acknowledged is in Redis, which this process reads.
        assert meta.offset >= seen_there[-1]
    acknowledged = max(here.result(60)[-1], seen_there[-1])
    assert seen_there == sorted(seen_there)
    soon(lambda: other.offset(room) == acknowledged, 1.0)
    assert ChatRoom.objects.values_list("offset", flat=True).get(pk=room.pk) == acknowledged


def test_the_channel_of_the_test_is_the_channel_of_the_server(other: Other) -> None:
    assert redis_.sync_client().pubsub_numsub(INVALIDATE_CHANNEL)[0][1] == 1
