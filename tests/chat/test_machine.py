"""A model of chat, played against: any order of acts, with frames lost, doubled and late.

Beside the database stands a model that knows the rules and nothing of the code: who may do what,
how many messages there are, what everyone has read. Beside both stand clients that follow the
events, of which some never arrive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import User
from chat.models import ChatMessage, ChatRoom, Membership, room_stream
from chat.services import members, messages, reads
from core.errors import Conflict, Forbidden, NotFound, ParleyError, VersionConflict
from core.log import readers
from core.log.announce import Committed
from tests.chat.client import Client, committed, fetch
from tests.chat.test_events import assert_same
from tests.chat.world import people, room_of

RUNS = 200
STEPS = 50

RANK = {"guest": 0, "member": 1, "admin": 2, "owner": 3}
NAMES = range(4)
ROOMS = range(2)
fired: Counter[str] = Counter()

name = st.sampled_from(NAMES)
place = st.sampled_from(ROOMS)
# Any message so far, counted from the newest.
which = st.integers(0, 5)
# What happens to each frame on its way to each client.
fates = st.lists(st.sampled_from(["arrives", "arrives", "arrives", "lost", "twice", "late"]), min_size=1, max_size=8)


@dataclass
class Written:
    """A message, as the model knows it."""

    id: UUID
    sender: int
    content: str
    client_id: str
    version: int = 1
    recalled: bool = False


@dataclass
class Place:
    """A room, as the model knows it."""

    id: UUID
    public: bool
    roles: dict[int, str]
    read: dict[int, int] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)

    def outside(self) -> type[ParleyError]:
        """What somebody who is not in it is told."""
        return Forbidden if self.public else NotFound

    def unread(self, who: int) -> int:
        """By the definition: messages past the read position, less one's own."""
        later = self.written[self.read[who] :]
        return sum(message.sender != who for message in later)


class Chat(RuleBasedStateMachine):
    """Four people, a group and a public room."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.late: list[tuple[int, Committed]] = []

    def teardown(self) -> None:
        """Everyone catches up and sees the same; then it never happened."""
        try:
            self.everyone_is_right()
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    @initialize()
    def begin(self) -> None:
        """The owner and one member are in both rooms, the third and fourth are outside."""
        self.users: list[User] = people(len(NAMES))
        self.places = []
        for kind in (ChatRoom.Kind.GROUP, ChatRoom.Kind.PUBLIC):
            room = room_of(self.users[0], self.users[1], kind=kind)
            place = Place(room, kind == "public", {0: "owner", 1: "member"}, {0: 0, 1: 0})
            self.places.append(place)
            sent = self._send(place, 1, "welcome", "c0")
            place.written.append(Written(UUID(sent.message["id"]), 1, "welcome", "c0"))
            place.read[1] = 1
        self.clients = [Client(user.pk) for user in self.users]

    def act(self, fates: list[str], act: Callable[[], Any], refusal: type[ParleyError] | None) -> Any:
        """Do it, expect what the model expects, and let the frames go their ways."""
        with committed() as commits:
            if refusal is not None:
                with pytest.raises(refusal) as raised:
                    act()
                assert type(raised.value) is refusal
                result = None
            else:
                result = act()
        assert refusal is None or commits == []
        number = 0
        for client in range(len(self.clients)):
            for commit in commits:
                fate = fates[number % len(fates)]
                number += 1
                if fate == "late":
                    self.late.append((client, commit))
                for _ in range({"arrives": 1, "twice": 2}.get(fate, 0)):
                    self.deliver(client, commit)
        return result

    def deliver(self, client: int, commit: Committed) -> None:
        """The server sends a room's frames to whoever is in it at that moment."""
        mine = commit.stream == self.clients[client].own
        if mine or any(place.id == UUID(commit.stream[5:]) and client in place.roles for place in self.places):
            self.clients[client].frame(commit)

    @rule(who=name, where=place, text=st.sampled_from(["hi", "**你好**", "a\nb", "😀"]), fates=fates)
    def send(self, who: int, where: int, text: str, fates: list[str]) -> None:
        """A new message."""
        room = self.places[where]
        client_id = f"c{len(room.written)}"
        role = room.roles.get(who)
        refusal = room.outside() if role is None else Forbidden if role == "guest" else None
        sent = self.act(fates, lambda: self._send(room, who, text, client_id), refusal)
        if refusal is None:
            assert sent.created
            assert sent.message["seq"] == len(room.written) + 1
            room.written.append(Written(UUID(sent.message["id"]), who, text, client_id))
            room.read[who] = len(room.written)
            fired["send"] += 1

    @rule(where=place, which=which, text=st.sampled_from(["hi", "another text"]), fates=fates)
    def repeat(self, where: int, which: int, text: str, fates: list[str]) -> None:
        """The answer to a send was lost, and the client sends again (perhaps after an edit of its)."""
        room = self.places[where]
        message = self.pick(room, which)
        if message is None:
            return
        again = self.act(fates, lambda: self._send(room, message.sender, text, message.client_id), None)
        assert not again.created
        assert UUID(again.message["id"]) == message.id
        fired["repeat"] += 1

    def _send(self, room: Place, who: int, text: str, client_id: str) -> messages.SendResult:
        return messages.send_message(sender_id=self.users[who].pk, room_id=room.id, content=text, client_id=client_id)

    @rule(who=name, where=place, which=which, text=st.sampled_from(["new", "newer"]), stale=st.booleans(), fates=fates)
    def edit(self, who: int, where: int, which: int, text: str, stale: bool, fates: list[str]) -> None:
        """A change of one's own message, or an attempt at somebody's."""
        room = self.places[where]
        message = self.pick(room, which)
        if message is None:
            return
        refusal: type[ParleyError] | None = None
        if who not in room.roles:
            refusal = room.outside()
        elif message.sender != who:
            refusal = Forbidden
        elif message.recalled:
            refusal = Conflict
        elif stale:
            refusal = VersionConflict
        version = message.version + stale
        edited = self.act(
            fates,
            lambda: messages.edit_message(
                actor_id=self.users[who].pk, message_id=message.id, content=text, version=version
            ),
            refusal,
        )
        if refusal is None:
            message.version += message.content != text
            message.content = text
            assert edited["version"] == message.version
            fired["edit"] += 1

    @rule(who=name, where=place, which=which, fates=fates)
    def recall(self, who: int, where: int, which: int, fates: list[str]) -> None:
        """One's own, or as an admin anybody's."""
        room = self.places[where]
        message = self.pick(room, which)
        if message is None:
            return
        role = room.roles.get(who)
        allowed = role is not None and (message.sender == who or RANK[role] >= RANK["admin"])
        refusal = None if allowed else room.outside() if role is None else Forbidden
        self.act(fates, lambda: messages.recall_message(actor_id=self.users[who].pk, message_id=message.id), refusal)
        if allowed:
            message.version += not message.recalled
            message.recalled, message.content = True, ""
            fired["recall"] += 1

    @rule(who=name, where=place, fates=fates)
    def join(self, who: int, where: int, fates: list[str]) -> None:
        """Public rooms can be joined."""
        room = self.places[where]
        refusal = None if room.public or who in room.roles else NotFound
        self.act(fates, lambda: members.join_room(user_id=self.users[who].pk, room_id=room.id), refusal)
        if refusal is None and who not in room.roles:
            self._came(room, who, "member")
            fired["join"] += 1

    @rule(who=name, whom=name, where=place, role=st.sampled_from(["guest", "member", "admin"]), fates=fates)
    def add(self, who: int, whom: int, where: int, role: str, fates: list[str]) -> None:
        """Members may add people, up to their own kind."""
        room = self.places[where]
        own = room.roles.get(who)
        enough = own is not None and RANK[own] >= max(RANK["member"], RANK[role] + 1 if role == "admin" else 0)
        refusal = None if enough else room.outside() if own is None else Forbidden
        users = [self.users[whom].pk]
        self.act(
            fates,
            lambda: members.add_members(actor_id=self.users[who].pk, room_id=room.id, user_ids=users, role=role),
            refusal,
        )
        if refusal is None and whom not in room.roles:
            self._came(room, whom, role)
            fired["add"] += 1

    def _came(self, room: Place, who: int, role: str) -> None:
        room.roles[who] = role
        room.read[who] = len(room.written)

    @rule(who=name, where=place, fates=fates)
    def leave(self, who: int, where: int, fates: list[str]) -> None:
        """All but the owner."""
        room = self.places[where]
        role = room.roles.get(who)
        refusal = room.outside() if role is None else Conflict if role == "owner" else None
        self.act(fates, lambda: members.leave_room(user_id=self.users[who].pk, room_id=room.id), refusal)
        if refusal is None:
            del room.roles[who], room.read[who]
            fired["leave"] += 1

    @rule(who=name, whom=name, where=place, role=st.sampled_from(list(RANK)), fates=fates)
    def change_role(self, who: int, whom: int, where: int, role: str, fates: list[str]) -> None:
        """Below one's own and to below one's own; the owner hands the room over."""
        room = self.places[where]
        own, theirs = room.roles.get(who), room.roles.get(whom)
        refusal: type[ParleyError] | None = None
        if own is None:
            refusal = room.outside()
        elif theirs is None:
            refusal = NotFound
        else:
            needed = RANK["owner"] if role == "owner" else max(RANK["admin"], RANK[theirs] + 1, RANK[role] + 1)
            refusal = None if RANK[own] >= needed else Forbidden
        self.act(
            fates,
            lambda: members.change_role(
                actor_id=self.users[who].pk, room_id=room.id, user_id=self.users[whom].pk, role=role
            ),
            refusal,
        )
        if refusal is None and theirs != role:
            if role == "owner":
                room.roles[who] = "admin"
            room.roles[whom] = role
            fired["change_role"] += 1

    @rule(who=name, where=place, seq=st.integers(0, 60), fates=fates)
    def read(self, who: int, where: int, seq: int, fates: list[str]) -> None:
        """Forward alone, and not past the newest."""
        room = self.places[where]
        refusal = None if who in room.roles else room.outside()
        self.act(fates, lambda: reads.mark_read(user_id=self.users[who].pk, room_id=room.id, seq=seq), refusal)
        if refusal is None:
            room.read[who] = max(room.read[who], min(seq, len(room.written)))
            fired["read"] += 1

    @rule()
    def late_frames(self) -> None:
        """What was held up arrives now, in any order."""
        late, self.late = self.late, []
        for client, commit in reversed(late):
            self.deliver(client, commit)
            fired["late_frames"] += 1

    @rule(who=name)
    def heartbeat(self, who: int) -> None:
        """The heads tell a client that it missed something."""
        self.clients[who].synchronize()
        assert_same(self.clients[who].state, fetch(self.users[who].pk))
        fired["heartbeat"] += 1

    def pick(self, room: Place, which: int) -> Written | None:
        """A message, the newest being 0."""
        return room.written[-1 - which % len(room.written)] if room.written else None

    @invariant()
    def rooms_are_right(self) -> None:
        """The counters that everyone reads."""
        places = getattr(self, "places", ())
        found = {row[0]: row[1:] for row in ChatRoom.objects.values_list("id", "seq", "members_count", "offset")}
        heads = readers.heads([room_stream(place.id) for place in places])
        for place in places:
            offset = heads.get(room_stream(place.id), 0)
            assert found[place.id] == (len(place.written), len(place.roles), offset)

    def everyone_is_right(self) -> None:
        """The database is the model, and so is what every client knows."""
        for place in getattr(self, "places", ()):
            rows = ChatMessage.objects.filter(room=place.id).order_by("seq")
            found = [(row.pk, row.content, row.version, row.deleted_at is not None) for row in rows]
            assert found == [(each.id, each.content, each.version, each.recalled) for each in place.written]
            assert [row.lamport for row in rows] == [row.seq for row in rows]
            roles = {row.user_id: (row.role, row.read_seq) for row in Membership.objects.filter(room=place.id)}
            assert roles == {self.users[who].pk: (role, place.read[who]) for who, role in place.roles.items()}
        for who, client in enumerate(getattr(self, "clients", ())):
            client.synchronize()
            assert_same(client.state, fetch(client.user_id))
            for place in self.places:
                if who in place.roles:
                    assert client.state.rooms[str(place.id)]["unread_count"] == place.unread(who)


@pytest.mark.django_db
def test_every_client_ends_with_what_happened() -> None:
    fired.clear()
    runs = settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(Chat, settings=runs)
    rules = {
        "send",
        "repeat",
        "edit",
        "recall",
        "join",
        "add",
        "leave",
        "change_role",
        "read",
        "late_frames",
        "heartbeat",
    }
    assert rules == fired.keys(), f"these rules never fired: {rules - fired.keys()}"
