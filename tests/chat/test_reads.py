"""Read positions: the reader's own, forward alone."""

from __future__ import annotations

from uuid import uuid4

import pytest

from chat.models import ChatRoom
from chat.services import reads
from core.errors import Forbidden, Invalid, NotFound
from tests.chat.client import committed
from tests.chat.world import World, room_of, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World.make()


def test_reading_is_told_to_the_readers_own_stream_alone(world: World) -> None:
    for _ in range(3):
        say(world.anna, world.room)
    before = ChatRoom.objects.get(pk=world.room)
    with committed() as commits:
        read = reads.mark_read(user_id=world.dia.pk, room_id=world.room, seq=2)
    assert read == {"room_id": str(world.room), "read_seq": 2, "unread_count": 1, "updated": 2}
    (commit,) = commits
    assert (commit.stream, commit.event) == (f"user:{world.dia.pk}", "conversation:changed")
    assert commit.payload["conversation"] == {"id": str(world.room), "read_seq": 2}
    after = ChatRoom.objects.get(pk=world.room)
    assert (after.offset, after.last_message_at) == (before.offset, before.last_message_at)


def test_a_read_position_goes_forward_and_not_past_the_end(world: World) -> None:
    for _ in range(3):
        say(world.anna, world.room)
    reads.mark_read(user_id=world.cem.pk, room_id=world.room, seq=2)
    with committed() as commits:
        assert reads.mark_read(user_id=world.cem.pk, room_id=world.room, seq=1)["read_seq"] == 2
    assert commits == []
    assert reads.mark_read(user_id=world.cem.pk, room_id=world.room, seq=10**6)["read_seq"] == 3
    assert reads.mark_read(user_id=world.ben.pk, room_id=world.room)["updated"] == 3


def test_who_reads(world: World) -> None:
    with pytest.raises(NotFound):
        reads.mark_read(user_id=world.eve.pk, room_id=world.room, seq=1)
    with pytest.raises(NotFound):
        reads.mark_read(user_id=world.anna.pk, room_id=uuid4(), seq=1)
    with pytest.raises(Invalid):
        reads.mark_read(user_id=world.anna.pk, room_id=world.room, seq=-1)
    public = room_of(world.anna, kind="public")
    with pytest.raises(Forbidden):
        reads.mark_read(user_id=world.eve.pk, room_id=public, seq=1)
