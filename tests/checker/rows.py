"""The database by itself: numbers without gaps, every message with its changes, nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from tests.checker.known import FOREVER, Known, KnownRoom
from tests.checker.verdicts import Kind, Report
from tests.support.history import FinalMessage


def check_rows(known: Known, report: Report) -> None:
    """Every room of the final state."""
    for room in known.rooms.values():
        name = room.final.id
        report.counts["rows"] += len(room.final.messages) + len(room.final.changes)
        _check_numbers(
            report, name, "offset", [change.offset for change in room.final.changes], room.final.stream_offset
        )
        _check_numbers(report, name, "seq", [message.seq for message in room.final.messages], room.final.seq)
        if room.final.offset != room.final.stream_offset:
            report.say(
                Kind.STALE,
                f"the room says offset {room.final.offset}, its stream {room.final.stream_offset}",
                room=name,
            )
        _check_client_ids(report, room)
        _check_messages(report, room)
        _check_created_order(report, room)


def _check_numbers(report: Report, room: str, what: str, numbers: Iterable[int], head: int) -> None:
    counted = Counter(numbers)
    for number, times in sorted(counted.items()):
        if times > 1:
            report.say(Kind.DOUBLED, f"{what} {number} was given {times} times", room=room, subject=number)
    missing = [number for number in range(1, max(counted, default=0) + 1) if number not in counted]
    for number in missing:
        report.say(Kind.GAP, f"{what} {number} was never given", room=room, subject=number)
    if max(counted, default=0) != head:
        report.say(
            Kind.GAP,
            f"the newest {what} in the rows is {max(counted, default=0)}, the head says {head}",
            room=room,
            subject=head,
        )


def _check_client_ids(report: Report, room: KnownRoom) -> None:
    counted = Counter((m.sender, m.client_id) for m in room.final.messages if m.client_id is not None)
    for (sender, client_id), times in counted.items():
        if times > 1:
            report.say(
                Kind.DOUBLED,
                f"client_id {client_id} of {sender} was written {times} times",
                room=room.final.id,
                subject=client_id,
            )


def _check_messages(report: Report, room: KnownRoom) -> None:
    for message in room.final.messages:
        changes = room.touched.get(message.id, [])
        created = [change.offset for change in changes if change.event == "message:created"]
        if len(created) != 1:
            kind = Kind.LOST if not created else Kind.DOUBLED
            report.say(
                kind,
                f"message {message.id} has {len(created)} changes that tell of its creation",
                room=room.final.id,
                subject=message.id,
            )
            continue
        last = changes[-1].offset
        if message.offset != last:
            report.say(
                Kind.WRONG,
                f"message {message.id} says that offset {message.offset} touched it last, the log says {last}",
                room=room.final.id,
                subject=message.id,
            )
        edits = room.edits_up_to(message.id, FOREVER)
        if not message.deleted and len(message.contents) != edits + 1:
            report.say(
                Kind.WRONG,
                f"message {message.id} was edited {edits} times by the log, {len(message.contents) - 1} by its trace",
                room=room.final.id,
                subject=message.id,
            )
        _check_recalled(report, room, message)
    for message_id, changes in room.touched.items():
        if message_id not in room.messages:
            report.say(
                Kind.LOST,
                f"the log tells of message {message_id} at offset {changes[0].offset}, there is no such row",
                room=room.final.id,
                subject=message_id,
            )


def _check_recalled(report: Report, room: KnownRoom, message: FinalMessage) -> None:
    recalled = room.recalled_at(message.id) != FOREVER
    if recalled != message.deleted:
        report.say(
            Kind.WRONG,
            f"message {message.id} is {'' if message.deleted else 'not '}recalled by its row, "
            f"{'' if recalled else 'not '}by the log",
            room=room.final.id,
            subject=message.id,
        )
    if message.deleted and (message.content or message.html):
        report.say(
            Kind.READABLE,
            f"the content of the recalled message {message.id} still stands in the database",
            room=room.final.id,
            subject=message.id,
        )


def _check_created_order(report: Report, room: KnownRoom) -> None:
    by_offset = [
        room.messages[change.message_id].seq
        for change in sorted(room.final.changes, key=lambda change: change.offset)
        if change.event == "message:created" and change.message_id in room.messages
    ]
    for before, after in pairwise(by_offset):
        if after < before:
            report.say(
                Kind.OUT_OF_ORDER,
                f"seq {after} came into the log after seq {before}",
                room=room.final.id,
                subject=after,
            )
