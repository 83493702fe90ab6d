"""Editing and recalling: versions, traces, limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine

from accounts.models import Role
from chat.models import ChatMessage, ChatRoom, MessageEdit
from chat.selectors.messages import list_edits
from chat.services import members, messages, rooms
from core.audit.models import AuditEntry
from core.errors import Conflict, Forbidden, Invalid, NotFound, RecallExpired, VersionConflict
from tests.chat.client import committed
from tests.chat.world import World, person, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World.make()


@pytest.fixture
def sent(world: World) -> UUID:
    """What Cem wrote."""
    return UUID(say(world.cem, world.room, "first")["id"])


def edit(world: World, message: UUID, content: str = "second", version: int | None = None) -> dict[str, object]:
    return dict(messages.edit_message(actor_id=world.cem.pk, message_id=message, content=content, version=version))


def test_an_edit_leaves_a_trace(world: World, sent: UUID) -> None:
    before = ChatRoom.objects.get(pk=world.room)
    with committed() as commits:
        edited = edit(world, sent, "**second**")
    room = ChatRoom.objects.get(pk=world.room)
    assert (edited["content"], edited["html"]) == ("**second**", "<p><strong>second</strong></p>")
    assert (edited["version"], edited["offset"], edited["seq"]) == (2, before.offset + 1, 1)
    assert edited["edited_at"] is not None
    assert (room.offset, room.seq, room.last_message_at) == (before.offset + 1, before.seq, before.last_message_at)
    assert [(commit.event, commit.payload["message"]) for commit in commits] == [("message:edited", edited)]
    assert list_edits(sent) == [
        {
            "old_content": "first",
            "new_content": "**second**",
            "edited_at": edited["edited_at"],
            "edited_by": str(world.cem.pk),
        }
    ]
    edit(world, sent, "third")
    assert [entry["new_content"] for entry in list_edits(sent)] == ["**second**", "third"]


def test_the_same_content_is_no_edit(world: World, sent: UUID) -> None:
    with committed() as commits:
        assert edit(world, sent, "first")["version"] == 1
    assert commits == []
    assert not MessageEdit.objects.exists()


def test_a_stale_version_is_refused_with_what_stands(world: World, sent: UUID) -> None:
    edit(world, sent, "second", version=1)
    with pytest.raises(VersionConflict) as refused:
        edit(world, sent, "third", version=1)
    current = refused.value.extra["current"]
    assert (current["version"], current["content"]) == (2, "second")
    assert ChatMessage.objects.get(pk=sent).content == "second"
    assert edit(world, sent, "third", version=2)["version"] == 3
    assert edit(world, sent, "fourth")["version"] == 4
    with pytest.raises(VersionConflict):
        edit(world, sent, "fifth", version=5)


def test_only_the_sender_edits(world: World, sent: UUID) -> None:
    for user in (world.anna, world.ben, world.dia):
        with pytest.raises(Forbidden):
            messages.edit_message(actor_id=user.pk, message_id=sent, content="x")
    with pytest.raises(NotFound):
        messages.edit_message(actor_id=world.eve.pk, message_id=sent, content="x")
    with pytest.raises(NotFound):
        messages.edit_message(actor_id=world.cem.pk, message_id=uuid4(), content="x")
    assert ChatMessage.objects.get(pk=sent).version == 1


def test_an_edit_has_the_limits_of_a_message(world: World, sent: UUID) -> None:
    for content in ("", " ", "nul\x00", "\ud800", "a" * 100_001):
        with pytest.raises(Invalid) as refused:
            edit(world, sent, content)
        assert refused.value.attr == "content"


def test_a_guest_edits_what_it_wrote(world: World, sent: UUID) -> None:
    members.change_role(actor_id=world.anna.pk, room_id=world.room, user_id=world.cem.pk, role="guest")
    assert edit(world, sent)["version"] == 2


def test_a_frozen_room_is_frozen_for_edits(world: World, sent: UUID) -> None:
    mine = UUID(say(world.ben, world.room)["id"])
    rooms.update_room(actor_id=world.anna.pk, room_id=world.room, changes={"is_frozen": True})
    with pytest.raises(Forbidden):
        edit(world, sent)
    messages.edit_message(actor_id=world.ben.pk, message_id=mine, content="admins may")
    messages.recall_message(actor_id=world.cem.pk, message_id=sent)


def test_whoever_left_edits_and_recalls_no_more(world: World, sent: UUID) -> None:
    members.leave_room(user_id=world.cem.pk, room_id=world.room)
    with pytest.raises(NotFound):
        edit(world, sent)
    with pytest.raises(NotFound):
        messages.recall_message(actor_id=world.cem.pk, message_id=sent)


def test_a_recalled_message_keeps_its_place_and_loses_its_content(world: World, sent: UUID) -> None:
    edit(world, sent)
    say(world.ben, world.room, "an answer", reply_to=sent)
    with committed() as commits:
        gone = messages.recall_message(actor_id=world.cem.pk, message_id=sent)
    assert (gone["content"], gone["html"], gone["is_deleted"], gone["seq"]) == ("", "", True, 1)
    assert gone["version"] == 3
    assert [commit.event for commit in commits] == ["message:recalled"]
    row = ChatMessage.objects.get(pk=sent)
    assert (row.content, row.html, row.metadata, row.deleted_by_id) == ("", "", {}, world.cem.pk)
    answer = ChatMessage.objects.select_related("reply_to__sender", "sender").get(reply_to=sent)
    from chat.payloads import message_payload

    reply = message_payload(answer)["reply_to"]
    assert reply is not None
    assert reply["excerpt"] == ""
    # The trace of what it was is for moderators.
    assert [entry["new_content"] for entry in list_edits(sent)] == ["second", ""]


def test_recalling_twice_is_recalling_once(world: World, sent: UUID) -> None:
    first = messages.recall_message(actor_id=world.cem.pk, message_id=sent)
    with committed() as commits:
        assert messages.recall_message(actor_id=world.ben.pk, message_id=sent) == first
    assert commits == []


def test_a_recalled_message_is_not_edited(world: World, sent: UUID) -> None:
    messages.recall_message(actor_id=world.cem.pk, message_id=sent)
    with pytest.raises(Conflict):
        edit(world, sent)


def test_the_time_for_recalling_is_over_for_members_alone(world: World, sent: UUID) -> None:
    for hours, works in ((23.9, True), (24.1, False)):
        message = UUID(say(world.cem, world.room)["id"])
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
            if works:
                messages.recall_message(actor_id=world.cem.pk, message_id=message)
            else:
                with pytest.raises(RecallExpired):
                    messages.recall_message(actor_id=world.cem.pk, message_id=message)
                messages.recall_message(actor_id=world.ben.pk, message_id=message)
        assert (ChatMessage.objects.get(pk=message).deleted_at is not None) is True


def test_admins_recall_anyones_message(world: World, sent: UUID) -> None:
    owners = UUID(say(world.anna, world.room)["id"])
    with pytest.raises(Forbidden):
        messages.recall_message(actor_id=world.cem.pk, message_id=owners)
    with pytest.raises(Forbidden):
        messages.recall_message(actor_id=world.dia.pk, message_id=sent)
    with pytest.raises(NotFound):
        messages.recall_message(actor_id=world.eve.pk, message_id=sent)
    messages.recall_message(actor_id=world.ben.pk, message_id=owners)
    assert ChatMessage.objects.get(pk=owners).deleted_by_id == world.ben.pk


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.ADMIN])
def test_site_staff_recall_everywhere_with_a_reason(world: World, sent: UUID, role: Role) -> None:
    staff = person("Zoe", role)
    with pytest.raises(Invalid) as refused:
        messages.recall_message(actor_id=staff.pk, message_id=sent)
    assert refused.value.attr == "reason"
    assert not AuditEntry.objects.exists()
    messages.recall_message(actor_id=staff.pk, message_id=sent, reason="spam")
    entry = AuditEntry.objects.get()
    assert (entry.actor_id, entry.action, entry.object_id, entry.reason) == (
        staff.pk,
        "message.recall",
        str(sent),
        "spam",
    )


def test_a_partner_is_no_moderator(world: World, sent: UUID) -> None:
    partner = person("Pia", Role.PARTNER)
    with pytest.raises(NotFound):
        messages.recall_message(actor_id=partner.pk, message_id=sent, reason="spam")


def test_in_a_direct_room_nobody_recalls_the_others_words(world: World) -> None:
    room = rooms.create_room(actor_id=world.anna.pk, kind="direct", member_ids=[world.ben.pk]).room_id
    message = UUID(say(world.ben, room)["id"])
    with pytest.raises(Forbidden):
        messages.recall_message(actor_id=world.anna.pk, message_id=message)
