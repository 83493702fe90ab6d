"""Invitations: who makes them, and for how long they count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chat.models import Invite, Membership
from chat.services import invites, members, rooms
from core.errors import Forbidden, Invalid, NotFound
from tests.chat.world import World, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World.make()


def test_an_invitation(world: World) -> None:
    invite = invites.create_invite(actor_id=world.cem.pk, room_id=world.room, expires_in=60, max_uses=1)
    assert invites.redeem_invite(user_id=world.eve.pk, code=invite["code"]) == world.room
    assert invites.redeem_invite(user_id=world.eve.pk, code=invite["code"]) == world.room
    assert invites.redeem_invite(user_id=world.anna.pk, code=invite["code"]) == world.room
    assert Invite.objects.get().uses == 1
    with pytest.raises(NotFound):
        invites.redeem_invite(user_id=person("Fay").pk, code=invite["code"])


def test_an_invitation_expires(world: World) -> None:
    invite = invites.create_invite(actor_id=world.anna.pk, room_id=world.room, expires_in=60)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)), pytest.raises(NotFound):
        invites.redeem_invite(user_id=world.eve.pk, code=invite["code"])
    assert not Membership.objects.filter(room=world.room, user=world.eve).exists()


def test_who_invites(world: World) -> None:
    for actor, error in ((world.dia, Forbidden), (world.eve, NotFound)):
        with pytest.raises(error):
            invites.create_invite(actor_id=actor.pk, room_id=world.room)
    direct = rooms.create_room(actor_id=world.anna.pk, kind="direct", member_ids=[world.ben.pk]).room_id
    with pytest.raises(Forbidden):
        invites.create_invite(actor_id=world.anna.pk, room_id=direct)
    with pytest.raises(Forbidden):
        members.add_members(actor_id=world.anna.pk, room_id=direct, user_ids=[world.eve.pk])
    wrong: tuple[dict[str, Any], ...] = (
        {"expires_in": 0},
        {"expires_in": -1},
        {"max_uses": 0},
        {"expires_in": 10**12},
        {"max_uses": 10**9},
    )
    for fields in wrong:
        with pytest.raises(Invalid) as refused:
            invites.create_invite(actor_id=world.anna.pk, room_id=world.room, **fields)
        assert refused.value.attr == next(iter(fields))
    with pytest.raises(NotFound):
        invites.redeem_invite(user_id=world.eve.pk, code="no such code")
