"""Fills an installation for a benchmark: people, rooms, a history. Run as a program; prints JSON.

python -m bench.seed --rooms 1 --members 200 --history 1000
"""

from __future__ import annotations

import argparse
import json

import django

django.setup()

from accounts.models import SignIn, User  # noqa: E402 - the apps must be loaded first
from accounts.tokens import make_access_token  # noqa: E402
from chat.models import ChatRoom, Membership, membership_id  # noqa: E402
from chat.services.messages import send_message  # noqa: E402
from core.ids import uuid7  # noqa: E402

# About as long as what people write.
TEXT = "The tide tables for next week are in the shared folder, please check yours by Thursday evening, number {}."


def people(count: int) -> list[User]:
    """New users, without passwords."""
    names = [f"bench-{uuid7().hex[-12:]}" for _ in range(count)]
    users = [User(username=name, display_name=name.title()) for name in names]
    for user in users:
        user.set_unusable_password()
        user.save()
    return users


def tokens(users: list[User]) -> list[str]:
    """An access token each."""
    sign_ins = SignIn.objects.bulk_create([SignIn(user=user, device_name="bench") for user in users])
    return [
        make_access_token(user_id=user.pk, sid=sign_in.pk, gen=user.token_generation)
        for user, sign_in in zip(users, sign_ins, strict=True)
    ]


def room(users: list[User], history: int) -> str:
    """A room with these members and that many messages."""
    new = ChatRoom.objects.create(kind="group", name="Bench", members_count=len(users))
    Membership.objects.bulk_create(
        [Membership(id=membership_id(new.pk, user.pk), room=new, user=user) for user in users]
    )
    for number in range(history):
        send_message(sender_id=users[number % len(users)].pk, room_id=new.pk, content=TEXT.format(number))
    return str(new.pk)


def main() -> None:
    """Make it and print what a client needs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rooms", type=int, default=1)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--history", type=int, default=0)
    wanted = parser.parse_args()
    users = people(wanted.members)
    rooms = [room(users, wanted.history) for _ in range(wanted.rooms)]
    print(json.dumps({"rooms": rooms, "tokens": tokens(users), "users": [str(user.pk) for user in users]}))


if __name__ == "__main__":
    main()
