"""The people that rights are about, in rooms of every kind, with messages: what walks through every door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from accounts.models import Role, SignIn, User
from accounts.tokens import make_access_token
from chat.models import ChatRoom, Membership
from chat.services import invites, members, messages, rooms

# The parts in the order of the table. Only the middle five were ever in the room.
PARTS = ("anonymous", "stranger", "ex-member", "guest", "member", "admin", "owner", "moderator", "site-admin")
INSIDE = ("guest", "member", "admin", "owner")
PASSWORD = "a long enough passphrase 7"


@dataclass(slots=True)
class Cast:
    """``people`` by part (``other``: one more member; ``outsider``: nobody's friend), and what they made.

    ``room`` is a group, ``public`` a public room with the same people in it, ``direct`` a room of the
    member and the other one. ``messages``: by part, what each of those who may write wrote in ``room``.
    """

    people: dict[str, User] = field(default_factory=dict)
    sign_ins: dict[str, SignIn] = field(default_factory=dict)
    room: UUID = field(default_factory=lambda: UUID(int=0))
    public: UUID = field(default_factory=lambda: UUID(int=0))
    direct: UUID = field(default_factory=lambda: UUID(int=0))
    messages: dict[str, str] = field(default_factory=dict)
    invite: str = ""

    def id_of(self, part: str) -> UUID:
        """Whose part this is."""
        return self.people[part].pk

    def token(self, part: str) -> str:
        """A good access token."""
        user = self.people[part]
        return make_access_token(user_id=user.pk, sid=self.sign_ins[part].pk, gen=user.token_generation)

    def headers(self, part: str) -> Mapping[str, str]:
        """What a request of this part carries."""
        return {} if part == "anonymous" else {"authorization": f"Bearer {self.token(part)}"}


def assemble() -> Cast:
    """Write everybody and everything to the database."""
    cast = Cast()
    roles = {"moderator": Role.MODERATOR, "site-admin": Role.ADMIN}
    for part in (*PARTS[1:], "other", "outsider"):
        user = User.objects.create_user(
            part.replace("-", ""), PASSWORD, display_name=part, role=roles.get(part, Role.USER)
        )
        cast.people[part] = user
        now = datetime.now(UTC)
        cast.sign_ins[part] = SignIn.objects.create(user=user, created_at=now, last_seen_at=now)
    cast.room = _room_of_everybody(cast, ChatRoom.Kind.GROUP)
    cast.public = _room_of_everybody(cast, ChatRoom.Kind.PUBLIC)
    direct = rooms.create_room(
        actor_id=cast.id_of("member"), kind=ChatRoom.Kind.DIRECT, member_ids=[cast.id_of("other")]
    )
    cast.direct = direct.room_id
    for part in ("ex-member", "guest", "member", "admin", "owner", "other"):
        sent = messages.send_message(sender_id=cast.id_of(part), room_id=cast.room, content=f"words of {part}")
        cast.messages[part] = sent.message["id"]
    for room in (cast.room, cast.public):
        _change_roles(cast, room)
    cast.invite = invites.create_invite(actor_id=cast.id_of("owner"), room_id=cast.room)["code"]
    return cast


def _room_of_everybody(cast: Cast, kind: str) -> UUID:
    people = [cast.id_of(part) for part in ("ex-member", "guest", "member", "admin", "other")]
    made = rooms.create_room(actor_id=cast.id_of("owner"), kind=kind, name=f"a {kind} room", member_ids=people)
    return made.room_id


def _change_roles(cast: Cast, room: UUID) -> None:
    """All could write as members; now they become what they are."""
    owner = cast.id_of("owner")
    for part, role in (("admin", Membership.Role.ADMIN), ("guest", Membership.Role.GUEST)):
        members.change_role(actor_id=owner, room_id=room, user_id=cast.id_of(part), role=role)
    members.remove_member(actor_id=owner, room_id=room, user_id=cast.id_of("ex-member"))
