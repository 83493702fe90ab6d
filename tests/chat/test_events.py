"""Old state + events = fresh state, for every event, told live or read from the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from chat.models import ChatRoom
from chat.services import invites, members, messages, reads, rooms
from core.log import readers
from core.log.events import registered_events
from tests.chat.client import Client, committed, fetch, wire
from tests.chat.reducer import EVENTS, State
from tests.chat.world import World, room_of, say

pytestmark = pytest.mark.django_db

Act = Callable[[World], object]


def _say_and(act: Callable[[World, UUID], object]) -> tuple[Act, Act]:
    """What is done before the old state is taken, and the act itself."""
    kept: dict[str, UUID] = {}

    def before(world: World) -> None:
        kept["id"] = UUID(say(world.cem, world.room, "first")["id"])
        say(world.ben, world.room, "an answer", reply_to=kept["id"])
        say(world.cem, world.room, "last")

    return before, lambda world: act(world, kept["id"])


def _edit(world: World, message: UUID) -> None:
    messages.edit_message(actor_id=world.cem.pk, message_id=message, content="**second**" * 30)


def _recall(world: World, message: UUID) -> None:
    messages.recall_message(actor_id=world.ben.pk, message_id=message)


def _edit_last(world: World) -> None:
    last = ChatRoom.objects.get(pk=world.room).last_message_id
    assert last is not None
    messages.edit_message(actor_id=world.cem.pk, message_id=last, content="the very last")


def nothing(world: World) -> None:
    """Before the act there is only the room."""


def _read(world: World) -> None:
    for user in (world.anna, world.ben, world.cem, world.dia):
        reads.mark_read(user_id=user.pk, room_id=world.room, seq=2)


def _several(world: World) -> None:
    say(world.anna, world.room, "one")
    rooms.update_room(actor_id=world.anna.pk, room_id=world.room, changes={"name": "Coffee"})
    message = say(world.ben, world.room, "two")
    members.add_members(actor_id=world.anna.pk, room_id=world.room, user_ids=[world.eve.pk])
    rooms.update_room(actor_id=world.anna.pk, room_id=world.room, changes={"topic": "beans"})
    messages.recall_message(actor_id=world.ben.pk, message_id=UUID(message["id"]))
    members.remove_member(actor_id=world.anna.pk, room_id=world.room, user_id=world.eve.pk)
    say(world.cem, world.room, "three")


# name of the main event: (before, act)
CASES: dict[str, tuple[Act, Act]] = {
    "message:created": (nothing, lambda world: say(world.cem, world.room)),
    "message:edited": _say_and(_edit),
    "message:recalled": _say_and(_recall),
    "message:edited, the last": (_say_and(_edit)[0], _edit_last),
    "member:joined": (
        nothing,
        lambda world: members.add_members(actor_id=world.anna.pk, room_id=world.room, user_ids=[world.eve.pk]),
    ),
    "member:left": (nothing, lambda world: members.leave_room(user_id=world.cem.pk, room_id=world.room)),
    "member:changed": (
        nothing,
        lambda world: members.change_role(
            actor_id=world.anna.pk, room_id=world.room, user_id=world.cem.pk, role="owner"
        ),
    ),
    "room:changed": (
        lambda world: say(world.anna, world.room),
        lambda world: rooms.update_room(
            actor_id=world.ben.pk, room_id=world.room, changes={"name": "Chess", "is_frozen": True}
        ),
    ),
    "room:added": (nothing, lambda world: room_of(world.eve, world.anna, world.cem)),
    "room:added, direct": (
        nothing,
        lambda world: rooms.create_room(actor_id=world.eve.pk, kind="direct", member_ids=[world.cem.pk]),
    ),
    "room:added, invited": (
        nothing,
        lambda world: invites.redeem_invite(
            user_id=world.eve.pk, code=invites.create_invite(actor_id=world.anna.pk, room_id=world.room)["code"]
        ),
    ),
    "room:removed": (
        nothing,
        lambda world: members.remove_member(actor_id=world.ben.pk, room_id=world.room, user_id=world.dia.pk),
    ),
    "room:deleted": (
        lambda world: say(world.anna, world.room),
        lambda world: rooms.delete_room(actor_id=world.anna.pk, room_id=world.room),
    ),
    "conversation:changed": (_say_and(_edit)[0], _read),
    "all at once": (nothing, _several),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["live", "from the log"])
def test_old_state_and_events_are_the_fresh_state(case: str, way: str) -> None:
    before, act = CASES[case]
    world = World.make()
    before(world)
    clients = {name: Client(getattr(world, name).pk) for name in ("anna", "ben", "cem", "dia", "eve")}
    old = {name: client.state.copy() for name, client in clients.items()}
    moved = False
    with committed() as commits:
        act(world)
    for name, client in clients.items():
        if way == "live":
            for commit in commits:
                client.frame(commit)
        else:
            client.synchronize()
        fresh = fetch(client.user_id)
        assert_same(client.state, fresh)
        assert client.positions[client.own] == readers.head(client.own)
        moved = moved or fresh != old[name]
    # Otherwise the comparison would say nothing.
    assert moved
    assert case.split(",", maxsplit=1)[0] in {commit.event for commit in commits} | {"all at once"}


def test_every_event_of_chat_has_a_case_and_a_rule() -> None:
    mine = {name for name, event in registered_events().items() if event.__module__ == "chat.events"}
    assert mine == {name.split(",")[0] for name in CASES} - {"all at once"}
    assert mine <= EVENTS


@pytest.mark.parametrize("case", CASES)
def test_the_log_tells_what_was_told_live(case: str) -> None:
    """Nothing has happened since, so a payload read back is the one that was sent."""
    before, act = CASES[case]
    world = World.make()
    before(world)
    with committed() as commits:
        act(world)
    last: dict[tuple[str, str], Any] = {}
    for commit in commits:
        last[commit.stream, str(sorted(_ids(commit.payload)))] = commit
    for commit in last.values():
        page = readers.read_changes(commit.stream, after=commit.offset - 1, limit=1)
        payload = {key: value for key, value in wire(commit.payload).items() if key not in ("offset", "epoch")}
        found = wire(page.changes)
        if found:
            assert found[0]["offset"] == commit.offset
            assert found[0]["event"] == commit.event
            if case != "all at once":
                assert found[0]["payload"] == payload
        else:
            assert case == "room:deleted"


def _ids(payload: dict[str, Any]) -> list[str]:
    noun = payload.get("message") or payload.get("room") or payload.get("conversation") or {}
    member = payload.get("member", {}).get("user", {})
    return [str(noun.get("id")), str(member.get("id")), str(payload.get("room_id"))]


def test_payloads_know_no_viewer() -> None:
    """One frame serves everyone: nothing in it depends on who looks."""
    world = World.make()
    say(world.anna, world.room)
    with committed() as commits:
        rooms.update_room(actor_id=world.anna.pk, room_id=world.room, changes={"name": "Chess"})
    (commit,) = commits
    assert not {"my_role", "unread_count", "read_seq", "members"} & commit.payload["room"].keys()


def test_a_recalled_message_replays_as_its_tombstone() -> None:
    world = World.make()
    sent = say(world.cem, world.room, "a secret")
    messages.edit_message(actor_id=world.cem.pk, message_id=UUID(sent["id"]), content="a better kept secret")
    messages.recall_message(actor_id=world.cem.pk, message_id=UUID(sent["id"]))
    page = readers.read_changes(f"room:{world.room}", after=sent["offset"] - 1, limit=10)
    assert [change["event"] for change in page.changes] == ["message:created", "message:edited", "message:recalled"]
    assert "secret" not in str(page.changes)
    assert all(change["payload"]["message"]["is_deleted"] for change in page.changes)


def test_a_member_who_left_still_counts_in_the_log() -> None:
    """Counting members by the log stays exact: no join is left out because somebody has gone since."""
    world = World.make()
    start, erased = readers.head(f"room:{world.room}"), str(world.eve.pk)
    members.add_members(actor_id=world.anna.pk, room_id=world.room, user_ids=[world.eve.pk], role="guest")
    members.leave_room(user_id=world.eve.pk, room_id=world.room)
    page = readers.read_changes(f"room:{world.room}", after=start, limit=10)
    world.eve.delete()
    assert readers.read_changes(f"room:{world.room}", after=start, limit=10).changes[0]["payload"] == {
        "member": {"user": {"id": erased, "display_name": "", "avatar": ""}, "role": "guest"}
    }
    told = [(change["event"], change["payload"]["member"]["role"]) for change in page.changes]
    assert told == [("member:joined", "guest"), ("member:left", "guest")]


def assert_same(state: State, fresh: State) -> None:
    """Part by part, so that a failure says what differs."""
    assert state.missing == set()
    assert state.rooms.keys() == fresh.rooms.keys()
    for room in fresh.rooms:
        assert state.rooms[room] == fresh.rooms[room]
        assert state.members[room] == fresh.members[room]
        assert state.messages[room] == fresh.messages[room]
