"""What is known once all histories and the database lie side by side; shared by all checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.support.history import (
    Act,
    Answered,
    Asked,
    FinalChange,
    FinalMessage,
    FinalRoom,
    FinalState,
    History,
    Refused,
    Unanswered,
)

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Rules:
    """What was promised. Times in seconds."""

    # How long after an acknowledgement a meta answer may still show the state before it.
    freshness: float = 1.0
    # Added to it: the clocks of a busy machine's processes, and the way of the answer.
    slack: float = 0.25


@dataclass(slots=True)
class Attempts:
    """One act of one client with all its attempts."""

    client: str
    user: str
    act: Act
    key: str
    room: str
    asked: list[Asked] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)


def collect_attempts(histories: Iterable[History]) -> list[Attempts]:
    """The acts of all histories, each with its attempts."""
    found: dict[tuple[str, Act, str, str], Attempts] = {}
    for history in histories:
        for entry in history.entries:
            if not isinstance(entry, Asked | Answered | Refused | Unanswered):
                continue
            key = (history.client, entry.act, entry.room, entry.key)
            act = found.get(key)
            if act is None:
                act = found[key] = Attempts(history.client, history.user, entry.act, entry.key, entry.room)
            match entry:
                case Asked():
                    act.asked.append(entry)
                case Answered():
                    act.answered.append(entry)
                case Refused():
                    act.refused.append(entry)
                case Unanswered():
                    act.unanswered.append(entry)
    return list(found.values())


class KnownRoom:
    """A room of the final state, with what is looked up often."""

    def __init__(self, room: FinalRoom) -> None:
        self.final = room
        self.messages: dict[str, FinalMessage] = {message.id: message for message in room.messages}
        self.changes: dict[int, FinalChange] = {change.offset: change for change in room.changes}
        self.touched: dict[str, list[FinalChange]] = defaultdict(list)
        for change in sorted(room.changes, key=lambda change: change.offset):
            if change.message_id is not None:
                self.touched[change.message_id].append(change)
        self._windows = _windows(room)
        self._created = sorted(change.offset for change in room.changes if change.event == "message:created")

    def may_see(self, user: str, offset: int) -> bool:
        """Whether the user was a member at that offset or later (members may read all that came before)."""
        return any(offset <= end for _, end in self._windows.get(user, ()))

    def edits_up_to(self, message_id: str, offset: int) -> int:
        """How many edits of the message the changes up to ``offset`` contain."""
        changes = self.touched.get(message_id, ())
        return sum(change.event == "message:edited" and change.offset <= offset for change in changes)

    def recalled_at(self, message_id: str) -> int:
        """The offset at which the message was recalled; past every offset when it was not."""
        recalls = [c.offset for c in self.touched.get(message_id, ()) if c.event == "message:recalled"]
        return min(recalls, default=FOREVER)

    def messages_up_to(self, offset: int) -> int:
        """How many messages the changes up to ``offset`` contain, which is also the newest seq then."""
        low, high = 0, len(self._created)
        while low < high:
            middle = (low + high) // 2
            if self._created[middle] <= offset:
                low = middle + 1
            else:
                high = middle
        return low


def _windows(room: FinalRoom) -> dict[str, list[tuple[int, int]]]:
    """For each user the spans of offsets in which they were members. Who was there before the first
    change of theirs was there from the start."""
    windows: dict[str, list[tuple[int, int]]] = defaultdict(list)
    inside: dict[str, int] = {}
    known: set[str] = set()
    for change in sorted(room.changes, key=lambda change: change.offset):
        user = change.user_id
        if user is None:
            continue
        if change.event == "member:joined":
            inside.setdefault(user, change.offset)
        elif change.event == "member:left":
            begin = inside.pop(user, None if user in known else 0)
            if begin is not None:
                windows[user].append((begin, change.offset))
        known.add(user)
    for user in room.members:
        windows[user].append((inside.get(user, 0), FOREVER))
    return windows


class Known:
    """Histories and database, with indexes over both."""

    def __init__(self, histories: Sequence[History], final: FinalState, rules: Rules) -> None:
        self.histories = histories
        self.final = final
        self.rules = rules
        self.rooms = {room.id: KnownRoom(room) for room in final.rooms.values()}
        self.attempts = collect_attempts(histories)
        self.message_room = {m.id: room.id for room in final.rooms.values() for m in room.messages}
        self.contents = self._contents()
        # Everything that anybody ever asked to be written, by (room, sender).
        self.users = {history.user for history in histories}

    def _contents(self) -> dict[tuple[str, int], str]:
        """The content of each (message, version): from the rows, and where a recall emptied those,
        from what was asked and acknowledged."""
        contents: dict[tuple[str, int], str] = {}
        for act in self.attempts:
            for answer in act.answered:
                if answer.message_id is None or not act.asked:
                    continue
                if act.act is Act.SEND:
                    contents[(answer.message_id, 1)] = act.asked[0].content
                elif act.act is Act.EDIT and answer.version is not None:
                    contents[(answer.message_id, answer.version)] = act.asked[0].content
        for room in self.final.rooms.values():
            for message in room.messages:
                # The trace of a recalled message is kept for moderators, or emptied too.
                for version, content in enumerate(message.contents, start=1):
                    if content or not message.deleted:
                        contents[(message.id, version)] = content
        return contents
