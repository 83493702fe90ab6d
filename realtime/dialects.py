"""Two sets of names for the same frames: the specification's ``chan:*`` and Phoenix's ``phx_*``.

A channel speaks the dialect in which it was joined; both may live on one socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """What the protocol's own events do, whatever their name."""

    JOIN = "join"
    LEAVE = "leave"
    REPLY = "reply"
    ERROR = "error"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Dialect:
    """The names of the protocol's own events on the wire."""

    name: str
    prefix: str

    def __getitem__(self, act: Act) -> str:
        return f"{self.prefix}{act}"


PHX = Dialect("phx", "phx_")
CHAN = Dialect("chan", "chan:")

# Name on the wire → what it does and who says it so.
PROTOCOL_EVENTS: dict[str, tuple[Act, Dialect]] = {
    dialect[act]: (act, dialect) for dialect in (PHX, CHAN) for act in Act
}

HEARTBEAT = "heartbeat"
ACCESS_TOKEN = "access_token"  # noqa: S105 - the name of an event
BROADCAST = "broadcast"
PRESENCE = "presence"
SYSTEM = "system"
HEAD = "head"

# The topics on which a heartbeat is understood; None is the specification's.
HEARTBEAT_TOPICS: frozenset[str | None] = frozenset({"phoenix", "heartbeat", None})

# What clients of the public kinds act upon: nobody but the server may cause such a frame.
CONTROL_EVENTS = frozenset(
    {*PROTOCOL_EVENTS, HEARTBEAT, ACCESS_TOKEN, PRESENCE, SYSTEM, "presence_state", "presence_diff", "postgres_changes"}
)

# Stock clients put this before the names of their topics; the topic behind it is the same.
TOPIC_PREFIX = "realtime:"


def bare_topic(topic: str) -> str:
    """The topic as the server knows it, from the name that a client uses."""
    return topic.removeprefix(TOPIC_PREFIX)
