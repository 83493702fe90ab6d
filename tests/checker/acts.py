"""What clients did against what the database holds."""

from __future__ import annotations

from collections import defaultdict

from tests.checker.known import Attempts, Known
from tests.checker.verdicts import Kind, Report
from tests.support.history import Act, Answered, FinalMessage


def check_acts(known: Known, report: Report) -> None:
    """Every act of every history, then what the database holds beyond them."""
    for act in known.attempts:
        report.counts[f"acts:{act.act.value}"] += 1
        _check_outcome(report, known, act)
        for answer in act.answered:
            _CHECKS[act.act](report, known, act, answer)
    _check_one_message_each(report, known)
    _check_nobody_wrote(report, known)
    _check_real_time(report, known)


def _check_outcome(report: Report, known: Known, act: Attempts) -> None:
    outcomes = len(act.answered) + len(act.refused) + len(act.unanswered)
    if outcomes < len(act.asked) or not act.asked:
        report.say(
            Kind.UNFINISHED,
            f"{act.act.value} {act.key} was asked {len(act.asked)} times and has {outcomes} outcomes",
            room=act.room,
            client=act.client,
            subject=act.key,
        )
    if act.act is Act.SEND and act.refused and not act.answered and not act.unanswered:
        room = known.rooms.get(act.room)
        for message in room.final.messages if room else ():
            if message.client_id == act.key and message.sender == act.user:
                report.say(
                    Kind.REFUSED_YET_WRITTEN,
                    f"{act.key} was refused ({act.refused[-1].code}) and stands as seq {message.seq}",
                    room=act.room,
                    client=act.client,
                    subject=act.key,
                )


def _message(report: Report, known: Known, act: Attempts, answer: Answered) -> FinalMessage | None:
    room = known.rooms.get(act.room)
    message = room.messages.get(answer.message_id or "") if room else None
    if message is not None:
        return message
    elsewhere = known.message_room.get(answer.message_id or "")
    if elsewhere is not None:
        report.say(
            Kind.LEAK,
            f"message {answer.message_id} was meant for room {act.room} and stands in {elsewhere}",
            room=act.room,
            client=act.client,
            subject=act.key,
        )
    else:
        report.say(
            Kind.LOST,
            f"{act.act.value} {act.key} was acknowledged (message {answer.message_id}) and is not in the database",
            room=act.room,
            client=act.client,
            subject=act.key,
        )
    return None


def _check_send(report: Report, known: Known, act: Attempts, answer: Answered) -> None:
    message = _message(report, known, act, answer)
    if message is None:
        return
    first = next(iter(message.contents), "")
    wrongs = {
        "sender": (message.sender, act.user),
        "client_id": (message.client_id, act.key),
        "seq": (message.seq, answer.seq if answer.seq is not None else message.seq),
    }
    if act.asked and not message.deleted:
        wrongs["content"] = (first, act.asked[0].content)
    # A repeat is answered with the message as it is by then: edited or recalled, perhaps.
    versions = (
        {content for (message_id, _), content in known.contents.items() if message_id == message.id}
        if answer.content is not None and answer.content != first
        else {first}
    )
    if answer.content is not None and not message.deleted and answer.content not in versions:
        wrongs["answered content"] = (answer.content, first)
    for what, (found, wanted) in wrongs.items():
        if found != wanted:
            report.say(
                Kind.WRONG,
                f"message {message.id}: {what} is {found!r:.80}, should be {wanted!r:.80}",
                room=act.room,
                client=act.client,
                subject=act.key,
            )


def _check_edit(report: Report, known: Known, act: Attempts, answer: Answered) -> None:
    message = _message(report, known, act, answer)
    if message is None or message.deleted or answer.version is None:
        return
    if len(message.contents) < answer.version:
        report.say(
            Kind.LOST,
            f"edit {act.key} was acknowledged as version {answer.version} of message {message.id}, "
            f"which has {len(message.contents)}",
            room=act.room,
            client=act.client,
            subject=act.key,
        )
    elif act.asked and message.contents[answer.version - 1] != act.asked[0].content:
        report.say(
            Kind.WRONG,
            f"version {answer.version} of message {message.id} is not what edit {act.key} wrote",
            room=act.room,
            client=act.client,
            subject=act.key,
        )


def _check_recall(report: Report, known: Known, act: Attempts, answer: Answered) -> None:
    message = _message(report, known, act, answer)
    if message is not None and not message.deleted:
        report.say(
            Kind.LOST,
            f"the recall of message {message.id} was acknowledged, and it is not recalled",
            room=act.room,
            client=act.client,
            subject=act.key,
        )


def _check_read(report: Report, known: Known, act: Attempts, answer: Answered) -> None:
    room = known.rooms.get(act.room)
    if room is None or answer.seq is None or act.user not in room.final.members:
        return
    if room.final.members[act.user] < answer.seq:
        report.say(
            Kind.LOST,
            f"{act.user} had read up to {answer.seq}; the database says {room.final.members[act.user]}",
            room=act.room,
            client=act.client,
            subject=act.key,
        )


_CHECKS = {Act.SEND: _check_send, Act.EDIT: _check_edit, Act.RECALL: _check_recall, Act.READ: _check_read}


def _check_one_message_each(report: Report, known: Known) -> None:
    """All acknowledgements of one client_id name one message (retries may come from several devices)."""
    named: dict[tuple[str, str, str], set[str | None]] = defaultdict(set)
    for act in known.attempts:
        if act.act is Act.SEND:
            named[(act.user, act.room, act.key)].update(answer.message_id for answer in act.answered)
    for (_, room, key), ids in named.items():
        if len(ids) > 1:
            report.say(Kind.DOUBLED, f"{key} was acknowledged as {len(ids)} different messages", room=room, subject=key)


def _check_nobody_wrote(report: Report, known: Known) -> None:
    """Whatever stands in the database of the recorded people was asked for by one of them."""
    asked: dict[tuple[str, str, str], str] = {}
    edits: dict[str, set[str]] = defaultdict(set)
    for act in known.attempts:
        for one in act.asked:
            if act.act is Act.SEND:
                asked.setdefault((act.room, act.user, act.key), one.content)
            elif act.act is Act.EDIT and one.message_id is not None:
                edits[one.message_id].add(one.content)
    for room in known.rooms.values():
        for message in room.final.messages:
            if message.sender not in known.users:
                continue
            report.counts["authorship"] += 1
            key = (room.final.id, message.sender or "", message.client_id or "")
            if key not in asked:
                report.say(
                    Kind.INVENTED,
                    f"message {message.id} (client_id {message.client_id}) was sent by nobody",
                    room=room.final.id,
                    subject=message.id,
                )
                continue
            for version, content in enumerate(() if message.deleted else message.contents, start=1):
                right = content == asked[key] if version == 1 else content in edits[message.id]
                if not right:
                    report.say(
                        Kind.WRONG,
                        f"version {version} of message {message.id} is {content!r:.80}, which nobody wrote",
                        room=room.final.id,
                        subject=message.id,
                    )


def _check_real_time(report: Report, known: Known) -> None:
    """A message that was acknowledged before another was first asked for stands before it."""
    points: dict[str, list[tuple[float, int, int, str]]] = defaultdict(list)
    for act in known.attempts:
        room = known.rooms.get(act.room)
        if act.act is not Act.SEND or room is None or not act.answered or not act.asked:
            continue
        message = room.messages.get(act.answered[0].message_id or "")
        if message is not None:
            # At the same moment the question counts as first: nothing is claimed then.
            points[act.room].append((act.asked[0].at, 0, message.seq, act.key))
            points[act.room].append((act.answered[0].at, 1, message.seq, act.key))
    for room_id, moments in points.items():
        newest, newest_key = 0, ""
        for _, answered, seq, key in sorted(moments):
            report.counts["real time"] += 1
            if answered:
                newest, newest_key = max((newest, newest_key), (seq, key))
            elif seq < newest:
                report.say(
                    Kind.OUT_OF_ORDER,
                    f"{key} was asked for after {newest_key} was acknowledged, and has seq {seq} before its {newest}",
                    room=room_id,
                    subject=key,
                )
