"""Rooms: made, changed, deleted; who comes and goes."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.models import Role
from chat.models import ChatMessage, ChatRoom, Invite, Membership, MessageEdit
from chat.services import invites, members, messages, reads, rooms
from core.audit.models import AuditEntry
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.log.models import Stream
from tests.chat.client import committed
from tests.chat.world import World, people, person, room_of, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World.make()


def role_of(world: World, name: str) -> str | None:
    return Membership.objects.filter(room=world.room, user=getattr(world, name)).values_list("role", flat=True).first()


# --- making -------------------------------------------------------------------------------


def test_a_new_room_tells_its_people_and_nobody_else() -> None:
    one, two, three = people(3)
    with committed() as commits:
        made = rooms.create_room(actor_id=one.pk, kind="group", name=" Tea \n time ", topic="x", member_ids=[two.pk])
    room = ChatRoom.objects.get(pk=made.room_id)
    assert made.created
    assert (room.name, room.topic, room.kind, room.created_by_id) == ("Tea time", "x", "group", one.pk)
    assert {(commit.stream, commit.event) for commit in commits} == {
        (f"user:{one.pk}", "room:added"),
        (f"user:{two.pk}", "room:added"),
    }
    roles = dict(Membership.objects.filter(room=room).values_list("user_id", "role"))
    assert roles == {one.pk: "owner", two.pk: "member"}
    assert room.members_count == 2
    assert three.pk not in roles


def test_two_people_have_one_direct_room_whoever_asks(world: World) -> None:
    first = rooms.create_room(actor_id=world.anna.pk, kind="direct", member_ids=[world.eve.pk])
    with committed() as commits:
        second = rooms.create_room(actor_id=world.eve.pk, kind="direct", member_ids=[world.anna.pk, world.anna.pk])
    assert (first.created, second.created) == (True, False)
    assert first.room_id == second.room_id
    assert first.room_id.version == 5
    assert commits == []
    assert set(Membership.objects.filter(room=first.room_id).values_list("role", flat=True)) == {"member"}


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        ({"kind": "direct", "member_ids": []}, "member_ids"),
        ({"kind": "direct", "member_ids": ["self"]}, "member_ids"),
        ({"kind": "direct", "member_ids": ["ben", "cem"]}, "member_ids"),
        ({"kind": "direct", "member_ids": ["nobody"]}, "member_ids"),
        ({"kind": "group", "member_ids": ["ben", "nobody"]}, "member_ids"),
        ({"kind": "group", "member_ids": ["many"]}, "member_ids"),
        ({"kind": "club"}, "kind"),
        ({"kind": "group", "name": "x" * 121}, "name"),
        ({"kind": "group", "name": "nul\x00"}, "name"),
        ({"kind": "public", "topic": "x" * 301}, "topic"),
    ],
)
def test_what_is_no_room(world: World, fields: dict[str, Any], attr: str) -> None:
    known = {"self": [world.anna.pk], "ben": [world.ben.pk], "cem": [world.cem.pk], "nobody": [uuid4()]}
    known["many"] = [uuid4() for _ in range(501)]
    ids = [each for name in fields.pop("member_ids", []) for each in known[name]]
    count = ChatRoom.objects.count()
    with pytest.raises(Invalid) as refused:
        rooms.create_room(actor_id=world.anna.pk, member_ids=ids, **fields)
    assert refused.value.attr == attr
    assert ChatRoom.objects.count() == count


def test_a_room_without_a_name_is_named_after_its_people() -> None:
    one, two = person("Anna"), person("Ben")
    room = rooms.create_room(actor_id=one.pk, kind="group", member_ids=[two.pk]).room_id
    assert ChatRoom.objects.get(pk=room).name == "Anna, Ben"


# --- changing -----------------------------------------------------------------------------


def test_only_what_changes_is_told(world: World) -> None:
    changes = {"name": "Coffee", "guests_may_send": True, "members_may_invite": True}
    with committed() as commits:
        rooms.update_room(actor_id=world.ben.pk, room_id=world.room, changes=changes)
        rooms.update_room(actor_id=world.ben.pk, room_id=world.room, changes=changes)
    (commit,) = commits
    assert commit.event == "room:changed"
    assert (commit.payload["room"]["name"], commit.payload["room"]["offset"]) == ("Coffee", commit.offset)
    assert ChatRoom.objects.get(pk=world.room).guests_may_send


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""}, {"name": "x" * 121}, {"name": 5}, {"is_frozen": "yes"}, {"is_frozen": None}, {"seq": 7},
        {"kind": "public"}, {"topic": "\x00"}, {"members_may_pin": 1},
    ],
)  # fmt: skip
def test_what_cannot_be_changed(world: World, changes: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refused:
        rooms.update_room(actor_id=world.anna.pk, room_id=world.room, changes=changes)
    assert refused.value.attr == next(iter(changes))


def test_who_changes_a_room(world: World) -> None:
    for user, error in ((world.cem, Forbidden), (world.dia, Forbidden), (world.eve, NotFound)):
        with pytest.raises(error):
            rooms.update_room(actor_id=user.pk, room_id=world.room, changes={"name": "x"})
    moderator, admin = person("Mod", Role.MODERATOR), person("Adm", Role.ADMIN)
    with pytest.raises(NotFound):
        rooms.update_room(actor_id=moderator.pk, room_id=world.room, changes={"name": "x"}, reason="why")
    for staff, changes in ((moderator, {"is_frozen": True}), (admin, {"name": "by admin"})):
        with pytest.raises(Invalid) as refused:
            rooms.update_room(actor_id=staff.pk, room_id=world.room, changes=changes)
        assert refused.value.attr == "reason"
        rooms.update_room(actor_id=staff.pk, room_id=world.room, changes=changes, reason="why")
    assert [entry.data for entry in AuditEntry.objects.order_by("id")] == [
        {"fields": ["is_frozen"]},
        {"fields": ["name"]},
    ]


def test_a_direct_room_has_no_settings_but_can_be_frozen_by_moderators(world: World) -> None:
    room = rooms.create_room(actor_id=world.anna.pk, kind="direct", member_ids=[world.ben.pk]).room_id
    with pytest.raises(Forbidden):
        rooms.update_room(actor_id=world.anna.pk, room_id=room, changes={"name": "x"})
    admin, moderator = person("Adm", Role.ADMIN), person("Mod", Role.MODERATOR)
    with pytest.raises(NotFound):
        rooms.update_room(actor_id=admin.pk, room_id=room, changes={"name": "x"}, reason="why")
    rooms.update_room(actor_id=moderator.pk, room_id=room, changes={"is_frozen": True}, reason="threats")
    with pytest.raises(Forbidden):
        say(world.anna, room)


# --- deleting -----------------------------------------------------------------------------


def test_a_deleted_room_is_gone_with_all_it_held(world: World) -> None:
    first = say(world.cem, world.room, "one")
    say(world.ben, world.room, "two", reply_to=UUID(first["id"]))
    messages.edit_message(actor_id=world.cem.pk, message_id=UUID(first["id"]), content="1")
    invites.create_invite(actor_id=world.anna.pk, room_id=world.room)
    other = room_of(world.anna, world.ben)
    say(world.anna, other)
    with committed() as commits:
        rooms.delete_room(actor_id=world.anna.pk, room_id=world.room)
    told = {commit.stream for commit in commits if commit.event == "room:deleted"}
    assert told == {f"user:{user.pk}" for user in (world.anna, world.ben, world.cem, world.dia)}
    for model in (ChatRoom, ChatMessage, Membership, Invite, MessageEdit):
        assert not model.objects.exclude(pk__in=_kept(model, other)).exists()
    assert ChatMessage.objects.filter(room=other).count() == 1
    # Its stream stays: an offset is never used twice.
    assert Stream.objects.filter(key=f"room:{world.room}").exists()
    for act in (
        lambda: say(world.anna, world.room),
        lambda: reads.mark_read(user_id=world.anna.pk, room_id=world.room),
        lambda: rooms.delete_room(actor_id=world.anna.pk, room_id=world.room),
        lambda: members.join_room(user_id=world.anna.pk, room_id=world.room),
        lambda: messages.recall_message(actor_id=world.cem.pk, message_id=UUID(first["id"])),
    ):
        with pytest.raises(NotFound):
            act()


def _kept(model: Any, room: UUID) -> Any:
    if model is ChatRoom:
        return [room]
    return model.objects.filter(**{"message__room" if model is MessageEdit else "room": room}).values("pk")


def test_who_deletes_a_room(world: World) -> None:
    for user, error in ((world.ben, Forbidden), (world.cem, Forbidden), (world.eve, NotFound)):
        with pytest.raises(error):
            rooms.delete_room(actor_id=user.pk, room_id=world.room)
    with pytest.raises(NotFound):
        rooms.delete_room(actor_id=person("Mod", Role.MODERATOR).pk, room_id=world.room, reason="x")
    admin = person("Adm", Role.ADMIN)
    with pytest.raises(Invalid):
        rooms.delete_room(actor_id=admin.pk, room_id=world.room)
    rooms.delete_room(actor_id=admin.pk, room_id=world.room, reason="empty")
    assert AuditEntry.objects.get().action == "room.delete"


def test_a_direct_room_is_not_deleted(world: World) -> None:
    room = rooms.create_room(actor_id=world.anna.pk, kind="direct", member_ids=[world.ben.pk]).room_id
    for actor, error in ((world.anna, Forbidden), (person("Adm", Role.ADMIN), NotFound)):
        with pytest.raises(error):
            rooms.delete_room(actor_id=actor.pk, room_id=room, reason="why")


# --- coming and going ---------------------------------------------------------------------


def test_adding_people(world: World) -> None:
    say(world.anna, world.room)
    with committed() as commits:
        added = members.add_members(
            actor_id=world.cem.pk, room_id=world.room, user_ids=[world.eve.pk, world.ben.pk, world.eve.pk]
        )
    assert [(member["user"]["display_name"], member["role"]) for member in added] == [
        ("Eve", "member"),
        ("Ben", "admin"),
    ]
    assert [(commit.stream.partition(":")[0], commit.event) for commit in commits] == [
        ("user", "room:added"),
        ("room", "member:joined"),
    ]
    membership = Membership.objects.get(room=world.room, user=world.eve)
    # What was written before is not unread to who comes later.
    assert membership.read_seq == 1
    assert ChatRoom.objects.get(pk=world.room).members_count == 5


def test_who_adds_whom(world: World) -> None:
    def add(actor: Any, role: str) -> None:
        members.add_members(actor_id=actor.pk, room_id=world.room, user_ids=[world.eve.pk], role=role)

    for actor, role, error in (
        (world.dia, "guest", Forbidden), (world.cem, "admin", Forbidden), (world.ben, "admin", Forbidden),
        (world.eve, "member", NotFound), (world.anna, "owner", Invalid), (world.anna, "king", Invalid),
    ):  # fmt: skip
        with pytest.raises(error):
            add(actor, role)
    rooms.update_room(actor_id=world.anna.pk, room_id=world.room, changes={"members_may_invite": False})
    with pytest.raises(Forbidden):
        add(world.cem, "member")
    add(world.anna, "admin")
    assert role_of(world, "eve") == "admin"


def test_adding_nobody_and_unknown_people(world: World) -> None:
    for user_ids in ([], [uuid4()], [world.eve.pk, uuid4()], [uuid4() for _ in range(501)]):
        with pytest.raises(Invalid) as refused:
            members.add_members(actor_id=world.anna.pk, room_id=world.room, user_ids=user_ids)
        assert refused.value.attr == "user_ids"
    assert role_of(world, "eve") is None


def test_joining_a_public_room_twice_is_joining_once() -> None:
    world = World.make(kind="public")
    first = members.join_room(user_id=world.eve.pk, room_id=world.room)
    with committed() as commits:
        assert members.join_room(user_id=world.eve.pk, room_id=world.room) == first
    assert commits == []
    assert first["role"] == "member"
    assert members.join_room(user_id=world.anna.pk, room_id=world.room)["role"] == "owner"


def test_a_group_is_not_joined(world: World) -> None:
    for actor in (world.eve, person("Adm", Role.ADMIN)):
        with pytest.raises(NotFound):
            members.join_room(user_id=actor.pk, room_id=world.room)
    assert members.join_room(user_id=world.cem.pk, room_id=world.room)["role"] == "member"


def test_leaving(world: World) -> None:
    with pytest.raises(Conflict):
        members.leave_room(user_id=world.anna.pk, room_id=world.room)
    with pytest.raises(NotFound):
        members.leave_room(user_id=world.eve.pk, room_id=world.room)
    with committed() as commits:
        members.leave_room(user_id=world.cem.pk, room_id=world.room)
    told = {(commit.stream, commit.event, commit.payload.get("reason")) for commit in commits}
    assert told == {
        (f"room:{world.room}", "member:left", None),
        (f"user:{world.cem.pk}", "room:removed", "left"),
    }
    assert ChatRoom.objects.get(pk=world.room).members_count == 3
    direct = rooms.create_room(actor_id=world.anna.pk, kind="direct", member_ids=[world.ben.pk]).room_id
    with pytest.raises(Forbidden):
        members.leave_room(user_id=world.anna.pk, room_id=direct)


def test_the_last_one_deletes_the_room_instead_of_leaving_it() -> None:
    owner = person("Anna")
    room = room_of(owner)
    with pytest.raises(Conflict) as refused:
        members.leave_room(user_id=owner.pk, room_id=room)
    assert "Delete the room" in str(refused.value.detail)


def test_removing(world: World) -> None:
    for actor, target, error in (
        (world.cem, world.dia, Forbidden), (world.ben, world.anna, Forbidden), (world.eve, world.dia, NotFound),
        (world.anna, world.eve, NotFound), (world.anna, world.anna, Conflict),
    ):  # fmt: skip
        with pytest.raises(error):
            members.remove_member(actor_id=actor.pk, room_id=world.room, user_id=target.pk)
    with committed() as commits:
        members.remove_member(actor_id=world.ben.pk, room_id=world.room, user_id=world.cem.pk)
    assert {commit.payload.get("reason") for commit in commits} == {None, "removed"}
    members.remove_member(actor_id=world.dia.pk, room_id=world.room, user_id=world.dia.pk)
    assert (role_of(world, "cem"), role_of(world, "dia")) == (None, None)
    admin = person("Adm", Role.ADMIN)
    with pytest.raises(Conflict):
        members.remove_member(actor_id=admin.pk, room_id=world.room, user_id=world.anna.pk, reason="x")
    members.remove_member(actor_id=admin.pk, room_id=world.room, user_id=world.ben.pk, reason="x")
    assert AuditEntry.objects.get().action == "room.remove_member"


def test_nobody_acts_on_their_equals(world: World) -> None:
    """Two admins: neither removes the other, nor changes the other's role, nor makes a third."""
    members.add_members(actor_id=world.anna.pk, room_id=world.room, user_ids=[world.eve.pk], role="admin")
    with pytest.raises(Forbidden):
        members.remove_member(actor_id=world.ben.pk, room_id=world.room, user_id=world.eve.pk)
    for target, role in ((world.eve, "member"), (world.cem, "admin"), (world.ben, "member"), (world.anna, "member")):
        with pytest.raises(Forbidden):
            members.change_role(actor_id=world.ben.pk, room_id=world.room, user_id=target.pk, role=role)
    members.change_role(actor_id=world.ben.pk, room_id=world.room, user_id=world.cem.pk, role="guest")
    assert (role_of(world, "eve"), role_of(world, "cem")) == ("admin", "guest")


def test_handing_a_room_over(world: World) -> None:
    with pytest.raises(Forbidden):
        members.change_role(actor_id=world.ben.pk, room_id=world.room, user_id=world.ben.pk, role="owner")
    with committed() as commits:
        members.change_role(actor_id=world.anna.pk, room_id=world.room, user_id=world.dia.pk, role="owner")
    assert [(commit.event, commit.payload["member"]["role"]) for commit in commits] == [
        ("member:changed", "admin"),
        ("member:changed", "owner"),
    ]
    assert (role_of(world, "anna"), role_of(world, "dia")) == ("admin", "owner")
    members.leave_room(user_id=world.anna.pk, room_id=world.room)
    admin = person("Adm", Role.ADMIN)
    members.change_role(actor_id=admin.pk, room_id=world.room, user_id=world.ben.pk, role="owner", reason="asked")
    assert (role_of(world, "dia"), role_of(world, "ben")) == ("admin", "owner")
    assert Membership.objects.filter(room=world.room, role="owner").count() == 1


def test_an_orphaned_room_gets_an_owner_from_a_site_admin(world: World) -> None:
    """The owner's account was erased."""
    world.anna.delete()
    admin = person("Adm", Role.ADMIN)
    members.change_role(actor_id=admin.pk, room_id=world.room, user_id=world.ben.pk, role="owner", reason="orphan")
    assert role_of(world, "ben") == "owner"
