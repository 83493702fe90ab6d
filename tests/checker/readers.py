"""What readers saw against what the database holds: each reader the same changes, in one order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.checker.known import Known, KnownRoom
from tests.checker.payloads import check_message, check_messages_seen
from tests.checker.verdicts import Kind, Report
from tests.support.history import (
    FinalChange,
    History,
    PageEnd,
    Positioned,
    Received,
    Settled,
    Snapshot,
    Transport,
    UnreadSeen,
)

ROOM = "room:"


@dataclass(slots=True)
class _Session:
    """Where one transport of one client stands in one stream."""

    epoch: str
    offset: int


class _Reader:
    """One client's view of one room."""

    def __init__(self, known: Known, report: Report, history: History, room: KnownRoom) -> None:
        self.known = known
        self.report = report
        self.client = history.client
        self.user = history.user
        self.room = room
        self.sessions: dict[Transport, _Session] = {}
        # The offset from which on this client has to have seen every change, and those it has.
        self.start: int | None = None
        self.seen: set[int] = set()

    def say(self, kind: Kind, sentence: str, subject: object = "") -> None:
        self.report.say(kind, sentence, room=self.room.final.id, client=self.client, subject=subject)

    def positioned(self, entry: Positioned) -> None:
        if entry.epoch != self.known.final.epoch:
            return
        if entry.fresh or self.start is None:
            self.start = entry.offset
            self.seen.clear()
        self.sessions[entry.transport] = _Session(entry.epoch, entry.offset)

    def received(self, entry: Received) -> None:
        if entry.epoch != self.known.final.epoch:
            session = self.sessions.get(entry.transport)
            if session is not None and session.epoch != entry.epoch:
                self.say(
                    Kind.EPOCH,
                    f"a change of epoch {entry.epoch} came after the position was in {session.epoch}",
                    entry.offset,
                )
            return
        self.report.counts[f"received:{entry.transport.value}"] += 1
        self._check_order(entry)
        self.seen.add(entry.offset)
        if not self.room.may_see(self.user, entry.offset):
            self.say(
                Kind.LEAK,
                f"{self.user} got offset {entry.offset} ({entry.event}) without being a member",
                entry.offset,
            )
        change = self.room.changes.get(entry.offset)
        if change is None:
            self.say(
                Kind.INVENTED,
                f"offset {entry.offset} ({entry.event}) was received and is not in the log",
                entry.offset,
            )
        else:
            self._check_change(entry, change)

    def _check_order(self, entry: Received) -> None:
        session = self.sessions.get(entry.transport)
        if session is None:
            self.say(
                Kind.UNFINISHED,
                f"offset {entry.offset} was received by {entry.transport.value} without a position before it",
                entry.offset,
            )
        elif entry.offset == session.offset + 1:
            session.offset = entry.offset
        elif entry.offset > session.offset:
            self.say(
                Kind.GAP,
                f"after offset {session.offset} came {entry.offset} by {entry.transport.value}",
                session.offset + 1,
            )
            session.offset = entry.offset
        elif entry.offset in self.seen:
            self.say(
                Kind.DOUBLED,
                f"offset {entry.offset} came twice by {entry.transport.value}",
                entry.offset,
            )
        else:
            self.say(
                Kind.OUT_OF_ORDER,
                f"offset {entry.offset} came after {session.offset} by {entry.transport.value}",
                entry.offset,
            )

    def _check_change(self, entry: Received, change: FinalChange) -> None:
        if entry.event != change.event:
            self.say(
                Kind.WRONG,
                f"offset {entry.offset} is {change.event} in the log and {entry.event} for this reader",
                entry.offset,
            )
            return
        message = entry.payload.get("message")
        if isinstance(message, dict):
            if message.get("id") != change.message_id:
                self.say(
                    Kind.WRONG,
                    f"offset {entry.offset} is about message {change.message_id} in the log, "
                    f"about {message.get('id')} for this reader",
                    entry.offset,
                )
                return
            check_message(self.known, self.room, self.say, message, entry.offset)
        elif change.message_id is not None and entry.payload.get("message_id") != change.message_id:
            self.say(
                Kind.WRONG,
                f"offset {entry.offset} does not name message {change.message_id}",
                entry.offset,
            )

    def page_ended(self, entry: PageEnd) -> None:
        session = self.sessions.get(Transport.CHANGES)
        if session is not None and not entry.has_more and session.offset < entry.head:
            self.say(
                Kind.GAP,
                f"a page that names head {entry.head} ends at {session.offset} and says that there is no more",
                entry.head,
            )

    def snapshot(self, entry: Snapshot) -> None:
        if entry.epoch != self.known.final.epoch:
            return
        self.report.counts["snapshots"] += 1
        if not self.room.may_see(self.user, min(entry.offset, 1)):
            self.say(Kind.LEAK, f"{self.user} read the messages without being a member", entry.offset)
        check_messages_seen(self.known, self.room, self.say, entry)

    def unread(self, entry: UnreadSeen, last_write: float) -> None:
        final = self.room.final
        position = final.members.get(self.user)
        # While reads are under way the position at the time of the answer is not known.
        if position is None or entry.offset != final.offset or entry.at < last_write:
            return
        self.report.counts["unread"] += 1
        wanted = sum(message.seq > position and message.sender != self.user for message in final.messages)
        if entry.unread != wanted:
            self.say(
                Kind.UNREAD,
                f"{self.user} has {wanted} unread messages, the server says {entry.unread}",
                entry.unread,
            )

    def settled(self, entry: Settled) -> None:
        self.report.counts["settled"] += 1
        final = self.room.final
        if entry.epoch != self.known.final.epoch:
            self.say(Kind.EPOCH, f"the reader ended in epoch {entry.epoch}, the log is in {self.known.final.epoch}")
            return
        if self.start is None:
            self.say(Kind.UNFINISHED, "the reader ended without ever having had a position")
            return
        if entry.offset != final.stream_offset:
            self.say(
                Kind.STALE,
                f"the reader takes offset {entry.offset} for the newest, it is {final.stream_offset}",
                entry.offset,
            )
        for offset in range(self.start + 1, final.stream_offset + 1):
            change = self.room.changes.get(offset)
            if change is not None and offset not in self.seen:
                about = f" about message {change.message_id}" if change.message_id else ""
                self.say(Kind.UNSEEN, f"offset {offset} ({change.event}{about}) never reached this reader", offset)


def check_readers(known: Known, report: Report) -> None:
    """Every history, room by room."""
    last_write: dict[str, float] = {}
    for act in known.attempts:
        times = [one.at for one in act.answered] + [one.at for one in act.refused] + [one.at for one in act.unanswered]
        last_write[act.user] = max([last_write.get(act.user, 0.0), *times])
    for history in known.histories:
        readers: dict[str, _Reader] = {}
        for entry, room_id in _of_rooms(history):
            room = known.rooms.get(room_id)
            if room is None:
                if isinstance(entry, Received) and entry.epoch == known.final.epoch:
                    sentence = f"offset {entry.offset} of a room that does not exist was received"
                    report.say(Kind.INVENTED, sentence, room=room_id, client=history.client, subject=entry.offset)
                continue
            reader = readers.get(room_id)
            if reader is None:
                reader = readers[room_id] = _Reader(known, report, history, room)
            match entry:
                case Positioned():
                    reader.positioned(entry)
                case Received():
                    reader.received(entry)
                case PageEnd():
                    reader.page_ended(entry)
                case Snapshot():
                    reader.snapshot(entry)
                case UnreadSeen():
                    reader.unread(entry, last_write.get(history.user, 0.0))
                case Settled():
                    reader.settled(entry)


def _of_rooms(
    history: History,
) -> Iterator[tuple[Positioned | Received | PageEnd | Snapshot | UnreadSeen | Settled, str]]:
    for entry in history.entries:
        if isinstance(entry, Snapshot | UnreadSeen):
            yield entry, entry.room
        elif isinstance(entry, Positioned | Received | PageEnd | Settled) and entry.stream.startswith(ROOM):
            yield entry, entry.stream.removeprefix(ROOM)
