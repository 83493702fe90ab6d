"""What clients did and saw, and what the database holds at the end: the input of the checker.

A driver keeps one ``History`` per client and writes down everything at the moment it happens,
without judging. Times are ``time.time()``: all clients and the server share one machine's clock.
Rooms and people are their ids as text; a stream is ``room:<id>`` or ``user:<id>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Payload = Mapping[str, Any]


class Act(StrEnum):
    """What a client may ask for."""

    SEND = "send"
    EDIT = "edit"
    RECALL = "recall"
    READ = "read"


class Transport(StrEnum):
    """The way by which a change reached a client."""

    SOCKET = "socket"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request left the client. ``key`` is the client_id of a send, else any id; a retry has the same key."""

    at: float
    act: Act
    key: str
    room: str
    content: str = ""
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The server said yes. What the answer did not tell is None."""

    at: float
    act: Act
    key: str
    room: str
    message_id: str | None = None
    seq: int | None = None
    offset: int | None = None
    version: int | None = None
    content: str | None = None
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The server said no: nothing may have been written."""

    at: float
    act: Act
    key: str
    room: str
    code: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The connection ended before the answer: it was done once, or not at all."""

    at: float
    act: Act
    key: str
    room: str


@dataclass(frozen=True, slots=True)
class Positioned:
    """From here on the client knows a stream's changes past ``offset`` (a snapshot, a join, a page's ``after``).

    What then comes by this transport must be ``offset + 1``, ``offset + 2`` and so on. ``epoch`` None: as before.
    ``fresh``: the client forgot what it had seen (first start, position lost), so that what lies before is not missed.
    """

    at: float
    stream: str
    transport: Transport
    offset: int
    epoch: str
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A durable change arrived."""

    at: float
    stream: str
    transport: Transport
    offset: int
    epoch: str
    event: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class PageEnd:
    """A page of changes ended; ``head`` is the offset that the page named."""

    at: float
    stream: str
    head: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A list of messages as of ``offset``, in the server's order; ``whole``: it reaches up to the newest message."""

    at: float
    room: str
    offset: int
    epoch: str
    messages: tuple[Payload, ...]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class MetaSeen:
    """An answer to a meta poll (a 304 repeats what the ETag stood for). ``asked_at``: when the request left.

    ``server`` names the process that answered: only within one process may meta never go back at all.
    """

    at: float
    asked_at: float
    room: str
    offset: int
    epoch: str
    last_message_at: str | None
    server: str = ""


@dataclass(frozen=True, slots=True)
class UnreadSeen:
    """What the server counts as unread for this client's user, in a room list that was read at ``offset``."""

    at: float
    room: str
    offset: int
    unread: int


@dataclass(frozen=True, slots=True)
class Settled:
    """The client says that it now knows the stream up to here, and that nothing else is under way."""

    at: float
    stream: str
    offset: int
    epoch: str


Entry = (
    Asked
    | Answered
    | Refused
    | Unanswered
    | Positioned
    | Received
    | PageEnd
    | Snapshot
    | MetaSeen
    | UnreadSeen
    | Settled
)


@dataclass(slots=True)
class History:
    """All that one client did and saw, in its order."""

    client: str
    user: str
    entries: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Write down the next entry."""
        self.entries.append(entry)


@dataclass(frozen=True, slots=True)
class FinalMessage:
    """A message's row. ``contents`` are its versions, oldest first, as far as rows tell them."""

    id: str
    room: str
    seq: int
    offset: int
    sender: str | None
    client_id: str | None
    content: str
    html: str
    version: int
    deleted: bool
    contents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FinalChange:
    """A change's row. ``message_id`` and ``user_id`` are the objects it names, where it names such."""

    offset: int
    event: str
    message_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class FinalRoom:
    """A room's row with all that belongs to it. ``members`` maps users to their read positions."""

    id: str
    seq: int
    offset: int
    stream_offset: int
    messages: tuple[FinalMessage, ...]
    changes: tuple[FinalChange, ...]
    members: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FinalState:
    """The database when nobody writes any more."""

    epoch: str
    rooms: Mapping[str, FinalRoom]
