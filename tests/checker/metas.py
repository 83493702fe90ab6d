"""Meta polls: never back, and never older than what was promised."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from tests.checker.known import Known
from tests.checker.verdicts import Kind, Report
from tests.support.history import MetaSeen


def check_metas(known: Known, report: Report) -> None:
    """Every meta answer of every history."""
    acknowledged = _acknowledged(known)
    for history in known.histories:
        newest: dict[tuple[str, str], MetaSeen] = {}
        for entry in history.entries:
            if not isinstance(entry, MetaSeen) or entry.epoch != known.final.epoch:
                continue
            report.counts["metas"] += 1
            room = known.rooms.get(entry.room)
            if room is None or not room.may_see(history.user, min(entry.offset, 1)):
                report.say(
                    Kind.LEAK,
                    f"{history.user} got the meta of a room without being a member",
                    room=entry.room,
                    client=history.client,
                )
                continue
            if entry.offset > room.final.offset:
                report.say(
                    Kind.INVENTED,
                    f"meta named offset {entry.offset}, the room never came past {room.final.offset}",
                    room=entry.room,
                    client=history.client,
                    subject=entry.offset,
                )
            before = newest.get((entry.room, entry.server))
            if before is not None:
                _check_forward(report, history.client, before, entry)
            newest[(entry.room, entry.server)] = entry
            _check_fresh(known, report, history.client, entry, acknowledged[entry.room])


def _acknowledged(known: Known) -> dict[str, tuple[list[float], list[int]]]:
    """For each room the times of acknowledgements and the greatest offset acknowledged by then."""
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for act in known.attempts:
        for answer in act.answered:
            if answer.offset is not None:
                found[act.room].append((answer.at, answer.offset))
    table: dict[str, tuple[list[float], list[int]]] = defaultdict(lambda: ([], []))
    for room, pairs in found.items():
        times, offsets = table[room]
        greatest = 0
        for at, offset in sorted(pairs):
            greatest = max(greatest, offset)
            times.append(at)
            offsets.append(greatest)
    return table


def _check_forward(report: Report, client: str, before: MetaSeen, after: MetaSeen) -> None:
    # Two polls of one client are never in flight together, so the order of answers is that of questions.
    if after.offset < before.offset:
        report.say(
            Kind.STALE,
            f"meta went back from offset {before.offset} to {after.offset}",
            room=after.room,
            client=client,
            subject=after.offset,
        )
    elif (after.last_message_at or "") < (before.last_message_at or ""):
        report.say(
            Kind.STALE,
            f"lastMessageAt went back from {before.last_message_at} to {after.last_message_at}",
            room=after.room,
            client=client,
            subject=after.offset,
        )
    elif after.offset == before.offset and after.last_message_at != before.last_message_at:
        report.say(
            Kind.WRONG,
            f"offset {after.offset} was given with lastMessageAt {before.last_message_at} and {after.last_message_at}",
            room=after.room,
            client=client,
            subject=after.offset,
        )


def _check_fresh(
    known: Known, report: Report, client: str, entry: MetaSeen, acknowledged: tuple[list[float], list[int]]
) -> None:
    times, offsets = acknowledged
    index = bisect_right(times, entry.asked_at - known.rules.freshness - known.rules.slack) - 1
    if index >= 0 and entry.offset < offsets[index]:
        report.say(
            Kind.STALE,
            f"meta said offset {entry.offset} {entry.asked_at - times[index]:.1f} s after {offsets[index]} "
            "was acknowledged",
            room=entry.room,
            client=client,
            subject=entry.offset,
        )
