"""A modelled client: it fetches states, follows streams, and recovers from what was lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import orjson
from django.test import TestCase

from chat import permissions
from chat.models import Membership, room_stream, user_stream
from chat.selectors import messages as messages_
from chat.selectors import rooms as rooms_
from core.errors import ParleyError
from core.log import announce, readers
from core.log.announce import Committed
from tests.chat.reducer import State

# Small, so that there are several pages of changes; of messages one is almost always enough.
PAGE = 3
MESSAGES = 20


def wire(value: Any) -> Any:
    """As it arrives at a client."""
    return orjson.loads(orjson.dumps(value))


def fetch_room(state: State, room_id: UUID) -> None:
    """GET a room, its members and all of its messages, page by page, into the state."""
    key = str(room_id)
    state.missing.discard(key)
    room, membership = rooms_.get_room(room_id), rooms_.get_membership(room_id, UUID(state.me))
    try:
        permissions.check_may_read(room, membership)
    except ParleyError:
        state.forget(key)
        return
    assert room is not None
    state.rooms[key] = wire(rooms_.present_room(room, membership))
    state.members[key] = {member["user"]["id"]: wire(member) for member in _all_members(room_id)}
    state.messages[key] = {message["id"]: wire(message) for message in _all_messages(room_id)}


def fetch(user_id: UUID) -> State:
    """Everything that somebody can see, afresh."""
    state = State(me=str(user_id))
    for room_id in Membership.objects.filter(user=user_id).values_list("room_id", flat=True):
        fetch_room(state, room_id)
    return state


def _all_members(room_id: UUID) -> Iterator[Any]:
    cursor = None
    while True:
        page = rooms_.list_members(room_id=room_id, limit=MESSAGES, cursor=cursor)
        yield from page["members"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _all_messages(room_id: UUID) -> Sequence[Any]:
    found: list[Any] = []
    before: UUID | None = None
    while True:
        page = messages_.list_messages(room_id=room_id, limit=MESSAGES, before=before)
        found = [*page["messages"], *found]
        if not page["has_more"]:
            assert [each["seq"] for each in found] == list(range(1, len(found) + 1))
            return found
        before = UUID(found[0]["id"])


class Client:
    """Follows its own stream and those of its rooms; frames may come twice, late, or not at all."""

    def __init__(self, user_id: UUID) -> None:
        self.user_id = user_id
        self.own = user_stream(user_id)
        self.positions = {self.own: readers.head(self.own)}
        self.state = State(me=str(user_id))
        for room_id in Membership.objects.filter(user=user_id).values_list("room_id", flat=True):
            self._enter(room_id)

    def frame(self, commit: Committed) -> None:
        """A frame has arrived."""
        position = self.positions.get(commit.stream)
        if position is None or commit.offset <= position:
            return
        if commit.offset > position + 1:
            self.catch_up(commit.stream)
            return
        payload = wire(commit.payload)
        assert payload.pop("offset") == commit.offset
        payload.pop("epoch")
        self._take(commit.stream, commit.offset, commit.event, payload)

    def catch_up(self, stream: str) -> None:
        """Read what the log has after our position, in small pages."""
        while stream in self.positions:
            page = readers.read_changes(stream, after=self.positions[stream], limit=PAGE)
            for change in wire(page.changes):
                if stream in self.positions:
                    self._take(stream, change["offset"], change["event"], change["payload"])
            if not page.has_more:
                if stream in self.positions:
                    self.positions[stream] = page.offset
                return
            if stream in self.positions and not page.changes:
                raise AssertionError("a page without changes says that there are more")

    def synchronize(self) -> None:
        """Catch up with everything, one's own stream first."""
        self.catch_up(self.own)
        for stream in [stream for stream in self.positions if stream != self.own]:
            if self._may_read(stream):
                self.catch_up(stream)

    def _may_read(self, stream: str) -> bool:
        room_id = UUID(stream.removeprefix("room:"))
        return rooms_.get_membership(room_id, self.user_id) is not None

    def _take(self, stream: str, offset: int, event: str, payload: dict[str, Any]) -> None:
        self.positions[stream] = offset
        self.state.apply(stream, offset, event, payload)
        if stream != self.own:
            return
        for room in list(self.state.missing):
            self._enter(UUID(room))
        for followed in [each for each in self.positions if each != self.own]:
            if followed.removeprefix("room:") not in self.state.rooms:
                del self.positions[followed]

    def _enter(self, room_id: UUID) -> None:
        # The position first: what comes in between is applied once more, and changes nothing.
        position = readers.head(room_stream(room_id))
        fetch_room(self.state, room_id)
        if str(room_id) in self.state.rooms:
            self.positions[room_stream(room_id)] = position


@contextmanager
def committed() -> Iterator[list[Committed]]:
    """What is announced by the acts of the block, as if its transaction were committed."""
    found: list[Committed] = []

    def hear(commits: Sequence[Committed], pipe: Any) -> None:
        found.extend(commits)

    announce.register_announcer(hear)
    try:
        with TestCase.captureOnCommitCallbacks(execute=True):
            yield found
    finally:
        announce._announcers.remove(hear)
