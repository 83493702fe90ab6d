"""A client's state in Python: what a person knows of their rooms, moved on by events alone.

It knows the rules of ``docs/rest.md`` and nothing of the server: where a state that was moved on
differs from one fetched afresh, either an event says too little or the server forgot one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

EXCERPT_LENGTH = 140

Room = dict[str, Any]


@dataclass
class State:
    """Rooms by id, each with its members and messages by id; ``missing`` rooms have to be fetched."""

    me: str
    rooms: dict[str, Room] = field(default_factory=dict)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def copy(self) -> State:
        """Another one that shares nothing."""
        return copy.deepcopy(self)

    def apply(self, stream: str, offset: int, event: str, payload: dict[str, Any]) -> None:
        """Move on by one change. Raises KeyError for an event that nobody described."""
        kind, _, key = stream.partition(":")
        if kind == "user":
            _USER_EVENTS[event](self, payload)
        elif key in self.rooms:
            _ROOM_EVENTS[event](self, key, offset, payload)

    def forget(self, room: str) -> None:
        """The room is gone, or we from it."""
        for part in (self.rooms, self.members, self.messages):
            part.pop(room, None)
        self.missing.discard(room)


def _summary(state: State, room: str, offset: int) -> Room | None:
    """The room's summary, when this change is news to it."""
    found = state.rooms[room]
    if offset <= found["offset"]:
        return None
    found["offset"] = offset
    return found


def _created(state: State, room: str, offset: int, payload: dict[str, Any]) -> None:
    message = payload["message"]
    _put(state, room, message)
    summary = _summary(state, room, offset)
    if summary is not None:
        summary["seq"] = message["seq"]
        summary["last_message"] = message
        summary["last_message_at"] = message["created_at"]
    if message["sender_id"] == state.me:
        # Sending moves one's own read position.
        state.rooms[room]["read_seq"] = max(state.rooms[room]["read_seq"], message["seq"])
    _count(state, room)


def _changed(state: State, room: str, offset: int, payload: dict[str, Any]) -> None:
    message = payload["message"]
    _put(state, room, message)
    summary = _summary(state, room, offset)
    if summary is None or summary["last_message"] is None:
        return
    if summary["last_message"]["id"] == message["id"]:
        summary["last_message"] = message
    _quote(summary["last_message"], message)


def _put(state: State, room: str, message: dict[str, Any]) -> None:
    known = state.messages[room].get(message["id"])
    if known is None or known["offset"] <= message["offset"]:
        state.messages[room][message["id"]] = message
    for other in state.messages[room].values():
        _quote(other, message)


def _quote(answer: dict[str, Any], message: dict[str, Any]) -> None:
    # What stands above an answer is the message as it is now.
    if answer["reply_to"] is not None and answer["reply_to"]["id"] == message["id"]:
        answer["reply_to"] = {**answer["reply_to"], "excerpt": message["content"][:EXCERPT_LENGTH]}


def _joined(state: State, room: str, offset: int, payload: dict[str, Any]) -> None:
    _member(state, room, payload["member"])
    summary = _summary(state, room, offset)
    if summary is not None:
        summary["members_count"] += 1


def _left(state: State, room: str, offset: int, payload: dict[str, Any]) -> None:
    state.members[room].pop(payload["member"]["user"]["id"], None)
    summary = _summary(state, room, offset)
    if summary is not None:
        summary["members_count"] -= 1


def _role_changed(state: State, room: str, offset: int, payload: dict[str, Any]) -> None:
    _member(state, room, payload["member"])
    _summary(state, room, offset)


def _member(state: State, room: str, member: dict[str, Any]) -> None:
    state.members[room][member["user"]["id"]] = member
    if member["user"]["id"] == state.me:
        state.rooms[room]["my_role"] = member["role"]


def _room_changed(state: State, room: str, offset: int, payload: dict[str, Any]) -> None:
    if _summary(state, room, offset) is not None:
        # Whole, and exactly the room after its own offset; what is one's own is not in it.
        state.rooms[room].update(copy.deepcopy(payload["room"]))
        _count(state, room)


def _count(state: State, room: str) -> None:
    summary = state.rooms[room]
    summary["unread_count"] = max(0, summary["seq"] - summary["read_seq"])


def _added(state: State, payload: dict[str, Any]) -> None:
    state.missing.add(payload["room_id"])


def _removed(state: State, payload: dict[str, Any]) -> None:
    state.forget(payload["room_id"])


def _read(state: State, payload: dict[str, Any]) -> None:
    conversation = payload["conversation"]
    room = state.rooms.get(conversation["id"])
    if room is not None:
        room["read_seq"] = max(room["read_seq"], conversation["read_seq"])
        _count(state, conversation["id"])


_ROOM_EVENTS: dict[str, Callable[[State, str, int, dict[str, Any]], None]] = {
    "message:created": _created,
    "message:edited": _changed,
    "message:recalled": _changed,
    "member:joined": _joined,
    "member:left": _left,
    "member:changed": _role_changed,
    "room:changed": _room_changed,
}
_USER_EVENTS: dict[str, Callable[[State, dict[str, Any]], None]] = {
    "room:added": _added,
    "room:removed": _removed,
    "room:deleted": _removed,
    "conversation:changed": _read,
    "device:changed": lambda state, payload: None,
    "session:ended": lambda state, payload: None,
}
EVENTS = frozenset(_ROOM_EVENTS) | frozenset(_USER_EVENTS)
