"""A small world to act in: people, a room, clients that speak for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rest_framework.test import APIClient

from accounts.models import Role, User
from accounts.services.sign_ins import Device, issue_tokens
from chat.models import ChatRoom, Membership
from chat.services import members, messages, rooms

BASE = "/api/v1"


def person(name: str, role: str = Role.USER) -> User:
    """Somebody with an account."""
    return User.objects.create_user(name.lower(), "correct horse battery", display_name=name, role=role)


def people(count: int, prefix: str = "p") -> list[User]:
    """Many, without the cost of passwords."""
    made = [User(username=f"{prefix}{number}", display_name=f"{prefix} {number}") for number in range(count)]
    return User.objects.bulk_create(made)


def client_of(user: User) -> APIClient:
    """A client that is signed in."""
    client = APIClient()
    pair = issue_tokens(user, Device(name="laptop"))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    return client


def room_of(owner: User, *others: User, kind: str = ChatRoom.Kind.GROUP, name: str = "Tea") -> UUID:
    """A room with these people."""
    return rooms.create_room(actor_id=owner.pk, kind=kind, name=name, member_ids=[each.pk for each in others]).room_id


def say(user: User, room: UUID, content: str = "hello", **more: Any) -> dict[str, Any]:
    """Send; the message."""
    return dict(messages.send_message(sender_id=user.pk, room_id=room, content=content, **more).message)


@dataclass
class World:
    """Anna owns the room; Ben is its admin, Cem a member, Dia a guest. Eve is outside."""

    anna: User = field(default_factory=lambda: person("Anna"))
    ben: User = field(default_factory=lambda: person("Ben"))
    cem: User = field(default_factory=lambda: person("Cem"))
    dia: User = field(default_factory=lambda: person("Dia"))
    eve: User = field(default_factory=lambda: person("Eve"))
    room: UUID = field(default_factory=lambda: UUID(int=0))

    @classmethod
    def make(cls, kind: str = ChatRoom.Kind.GROUP) -> World:
        """Write it."""
        world = cls()
        world.room = room_of(world.anna, world.ben, world.cem, world.dia, kind=kind)
        for user, role in ((world.ben, Membership.Role.ADMIN), (world.dia, Membership.Role.GUEST)):
            members.change_role(actor_id=world.anna.pk, room_id=world.room, user_id=user.pk, role=role)
        return world
