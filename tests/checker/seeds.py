"""Bugs to plant into a correct history, each with the verdict that the checker must give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.checker.scene import Scene, Seed
from tests.checker.verdicts import Kind
from tests.support.history import (
    Act,
    Answered,
    Asked,
    FinalMessage,
    MetaSeen,
    PageEnd,
    Received,
    Refused,
    Settled,
    Snapshot,
    Transport,
    UnreadSeen,
)


def _is(event: str, transport: Transport = Transport.SOCKET) -> Callable[[Received], bool]:
    return lambda entry: entry.event == event and entry.transport is transport and entry.stream == "room:red"


def _first(scene: Scene, test: Callable[[FinalMessage], bool] = lambda message: True) -> FinalMessage:
    return next(message for message in scene.red.messages if test(message))


def _plain(message: FinalMessage) -> bool:
    return not message.deleted and message.version == 1


def _drop_frame(scene: Scene) -> None:
    index, _ = scene.find("ann-1", Received, _is("message:created"))
    scene.put("ann-1", index)


def _drop_last_frame(scene: Scene) -> None:
    index, _ = scene.find("ann-1", Received, lambda one: one.offset == scene.red.offset)
    scene.put("ann-1", index)


def _deliver_twice(scene: Scene) -> None:
    index, entry = scene.find("ann-1", Received, _is("message:created"))
    scene.put("ann-1", index, entry, entry)


def _swap_frames(scene: Scene) -> None:
    entries = scene.history("ann-1").entries
    places = [index for index, one in enumerate(entries) if isinstance(one, Received) and one.stream == "room:red"]
    one, other = places[2], places[3]
    entries[one], entries[other] = entries[other], entries[one]


def _drop_from_page(scene: Scene) -> None:
    index, _ = scene.find("ben-1", Received, _is("message:edited", Transport.CHANGES))
    scene.put("ben-1", index)


def _short_page(scene: Scene) -> None:
    entries = scene.history("ben-1").entries
    index = max(place for place, one in enumerate(entries) if isinstance(one, PageEnd))
    entries[index - 1 : index] = []


def _lose_row(scene: Scene) -> None:
    message = _first(scene, _plain)
    scene.set_room(messages=tuple(one for one in scene.red.messages if one is not message))


def _roll_back(scene: Scene) -> None:
    """As after a crash of a server that acknowledged before it wrote: the newest is gone without a trace."""
    last = scene.red.messages[-1]
    changes = tuple(change for change in scene.red.changes if change.message_id != last.id)
    head = max(change.offset for change in changes)
    scene.set_room(messages=scene.red.messages[:-1], changes=changes, seq=last.seq - 1, offset=head, stream_offset=head)


def _write_twice(scene: Scene) -> None:
    message, head = _first(scene, _plain), scene.red.offset + 1
    twin = replace(message, id="twin", seq=scene.red.seq + 1, offset=head)
    change = replace(scene.red.changes[-1], offset=head, event="message:created", message_id="twin")
    scene.set_room(
        messages=(*scene.red.messages, twin),
        changes=(*scene.red.changes, change),
        seq=twin.seq,
        offset=head,
        stream_offset=head,
    )


def _lost_ack_doubled(scene: Scene) -> None:
    """The answer was lost, and the retry made a second message, whose id it answers."""
    _write_twice(scene)
    twin = scene.red.messages[-1]
    client = "ann-1" if twin.sender == "ann" else f"{twin.sender}-1"
    index, entry = scene.find(client, Answered, lambda one: one.key == twin.client_id)
    again = Asked(entry.at + 1, Act.SEND, entry.key, "red", twin.content)
    answer = replace(entry, at=entry.at + 2, message_id=twin.id, seq=twin.seq, offset=twin.offset)
    scene.put(client, index, entry, again, answer)


def _skip_offset(scene: Scene) -> None:
    scene.set_room(changes=tuple(change for change in scene.red.changes if change.event != "message:edited"))


def _same_offset_twice(scene: Scene) -> None:
    changes = list(scene.red.changes)
    changes[3] = replace(changes[3], offset=changes[2].offset)
    scene.set_room(changes=tuple(changes))


def _skip_seq(scene: Scene) -> None:
    last = scene.red.messages[-1]
    scene.set_message(last, seq=last.seq + 1)
    scene.set_room(seq=last.seq + 1)


def _swap_seq(scene: Scene) -> None:
    one, other = scene.red.messages[0], scene.red.messages[1]
    scene.set_message(one, seq=other.seq)
    scene.set_message(other, seq=one.seq)


def _head_behind(scene: Scene) -> None:
    scene.set_room(offset=scene.red.offset - 1)


def _against_real_time(scene: Scene) -> None:
    """The log is in itself in order, but not in that in which things happened."""
    first = _first(scene, lambda message: message.sender == "ann")
    client, last = "ann-1", scene.red.messages[-1]
    index, entry = scene.find(client, Asked, lambda one: one.key == first.client_id)
    answered, answer = scene.find(client, Answered, lambda one: one.key == first.client_id)
    end = max(one.at for history in scene.histories for one in history.entries)
    assert last.id != first.id
    scene.put(client, answered, replace(answer, at=end + 2))
    scene.put(client, index, replace(entry, at=end + 1))


def _wrong_content_stored(scene: Scene) -> None:
    message = _first(scene, _plain)
    scene.set_message(message, content="rubbish", contents=("rubbish",))


def _wrong_sender_stored(scene: Scene) -> None:
    scene.set_message(_first(scene, lambda message: message.sender == "ann"), sender="ben")


def _nobody_wrote(scene: Scene) -> None:
    _write_twice(scene)
    scene.set_message(scene.red.messages[-1], client_id="unheard")


def _edit_not_kept(scene: Scene) -> None:
    message = _first(scene, lambda one: one.version == 2)
    scene.set_message(message, version=1, content=message.contents[0], contents=message.contents[:1])


def _edit_mangled(scene: Scene) -> None:
    message = _first(scene, lambda one: one.version == 2)
    scene.set_message(message, contents=(message.contents[0], "rubbish"), content="rubbish")


def _recall_forgotten(scene: Scene) -> None:
    message = _first(scene, lambda one: one.deleted)
    scene.set_message(message, deleted=False)


def _recalled_row_readable(scene: Scene) -> None:
    scene.set_message(_first(scene, lambda one: one.deleted), content="still here")


def _recalled_frame_readable(scene: Scene) -> None:
    scene.spoil_payload("ann-1", _is("message:recalled"), is_deleted=False, content="still here")


def _tombstone_with_content(scene: Scene) -> None:
    scene.spoil_payload("ann-1", _is("message:recalled"), html="<p>still here</p>")


def _recalled_in_list(scene: Scene) -> None:
    index, entry = scene.find(
        "ann-1", Snapshot, lambda one: one.room == "red" and any(m["is_deleted"] for m in one.messages)
    )
    shown = tuple({**m, "is_deleted": False, "content": "still here"} for m in entry.messages)
    scene.put("ann-1", index, replace(entry, messages=shown))


def _wrong_content_shown(scene: Scene) -> None:
    scene.spoil_payload("ann-1", _is("message:edited"), content="rubbish")


def _old_version_shown(scene: Scene) -> None:
    message = _first(scene, lambda one: one.version == 2)
    scene.spoil_payload("ann-1", _is("message:edited"), content=message.contents[0], version=1)


def _wrong_sender_shown(scene: Scene) -> None:
    scene.spoil_payload("ann-1", _is("message:created"), sender_id="ben")


def _other_event(scene: Scene) -> None:
    index, entry = scene.find("ann-1", Received, _is("message:edited"))
    scene.put("ann-1", index, replace(entry, event="message:created"))


def _other_message(scene: Scene) -> None:
    index, entry = scene.find("ann-1", Received, _is("message:created"))
    _, other = scene.find("ann-1", Received, lambda one: _is("message:created")(one) and one.offset > entry.offset)
    scene.put("ann-1", index, replace(entry, payload=other.payload))


def _phantom(scene: Scene) -> None:
    index, entry = scene.find("ann-1", Received, lambda one: one.offset == scene.red.offset)
    scene.put("ann-1", index, entry, replace(entry, offset=entry.offset + 1))


def _leak_to_stranger(scene: Scene) -> None:
    _, entry = scene.find("ann-1", Received, _is("message:created"))
    scene.history("dan-1").add(replace(entry, offset=scene.red.offset))


def _leak_list(scene: Scene) -> None:
    _, entry = scene.find("ann-1", Snapshot, lambda one: one.room == "blue")
    scene.history("ben-1").add(entry)


def _leak_meta(scene: Scene) -> None:
    _, entry = scene.find("ann-1", MetaSeen, lambda one: one.room == "blue")
    scene.history("ben-1").add(entry)


def _other_rooms_message(scene: Scene) -> None:
    blue = scene.final.rooms["blue"].messages[0]
    scene.spoil_payload("ann-1", lambda one: one.stream == "room:blue", room_id="red")
    index, entry = scene.find("ann-1", Snapshot, lambda one: one.room == "red")
    shown = ({**entry.messages[0], "id": blue.id}, *entry.messages[1:])
    scene.put("ann-1", index, replace(entry, messages=shown))


def _written_elsewhere(scene: Scene) -> None:
    message = _first(scene, _plain)
    blue = scene.final.rooms["blue"]
    scene.set_room(messages=tuple(one for one in scene.red.messages if one is not message))
    moved = replace(blue, messages=(*blue.messages, replace(message, room="blue", seq=blue.seq + 1)))
    scene.final = replace(scene.final, rooms={**scene.final.rooms, "blue": moved})


def _refused_yet_written(scene: Scene) -> None:
    message = _first(scene, lambda one: one.sender == "cleo")
    client = "cleo-1"
    index, entry = scene.find(client, Answered, lambda one: one.key == message.client_id)
    scene.put(client, index, Refused(entry.at, Act.SEND, entry.key, "red", "unavailable"))


def _meta_back(scene: Scene) -> None:
    entries = scene.history("ben-1").entries
    index = max(place for place, one in enumerate(entries) if isinstance(one, MetaSeen))
    entry = entries[index]
    assert isinstance(entry, MetaSeen)
    entries[index] = replace(entry, offset=1)


def _meta_late(scene: Scene) -> None:
    """One poll only, so nothing goes back, but it is older than promised."""
    entries = scene.history("ben-1").entries
    last = [one for one in entries if isinstance(one, MetaSeen)][-1]
    entries[:] = [one for one in entries if not isinstance(one, MetaSeen)]
    asked_at = last.asked_at + 10
    entries.append(replace(last, asked_at=asked_at, at=asked_at + 0.1, offset=last.offset - 2))


def _meta_time_back(scene: Scene) -> None:
    entries = scene.history("ben-1").entries
    index = max(place for place, one in enumerate(entries) if isinstance(one, MetaSeen))
    entry = entries[index]
    assert isinstance(entry, MetaSeen)
    entries[index] = replace(entry, last_message_at="000000000001")


def _meta_ahead(scene: Scene) -> None:
    index, entry = scene.find("ben-1", MetaSeen)
    scene.put("ben-1", index, replace(entry, offset=scene.red.offset + 5))


def _list_behind(scene: Scene) -> None:
    index, entry = scene.find("cleo-1", Snapshot)
    scene.put("cleo-1", index, replace(entry, messages=entry.messages[:-1]))


def _list_hole(scene: Scene) -> None:
    index, entry = scene.find("ann-1", Snapshot, lambda one: one.room == "red")
    scene.put("ann-1", index, replace(entry, messages=(entry.messages[0], *entry.messages[2:])))


def _list_doubled(scene: Scene) -> None:
    index, entry = scene.find("ann-1", Snapshot, lambda one: one.room == "red")
    scene.put("ann-1", index, replace(entry, messages=(entry.messages[0], *entry.messages)))


def _list_swapped(scene: Scene) -> None:
    index, entry = scene.find("ann-1", Snapshot, lambda one: one.room == "red")
    one, other, *rest = entry.messages
    scene.put("ann-1", index, replace(entry, messages=(other, one, *rest)))


def _unread_drift(scene: Scene) -> None:
    index, entry = scene.find("ben-1", UnreadSeen)
    scene.put("ben-1", index, replace(entry, unread=entry.unread + 1))


def _read_position_back(scene: Scene) -> None:
    scene.set_room(members={**scene.red.members, "ben": 0})


def _settled_behind(scene: Scene) -> None:
    index, entry = scene.find("ann-1", Settled, lambda one: one.stream == "room:red")
    scene.put("ann-1", index, replace(entry, offset=entry.offset - 1))


def _epochs_mixed(scene: Scene) -> None:
    index, entry = scene.find("ann-1", Received, _is("message:edited"))
    scene.put("ann-1", index, replace(entry, epoch="e0"))


def _no_outcome(scene: Scene) -> None:
    index, _ = scene.find("ann-1", Answered)
    scene.put("ann-1", index)


SEEDS = [
    Seed("a frame is dropped", _drop_frame, Kind.GAP, "came", "ann-1"),
    Seed("a dropped frame is never filled", _drop_frame, Kind.UNSEEN, "never reached", "ann-1"),
    Seed("the last frame is dropped", _drop_last_frame, Kind.UNSEEN, "never reached", "ann-1"),
    Seed("a frame is delivered twice", _deliver_twice, Kind.DOUBLED, "came twice by socket", "ann-1"),
    Seed("two frames are swapped", _swap_frames, Kind.OUT_OF_ORDER, "came after", "ann-1"),
    Seed("a page leaves out a change", _drop_from_page, Kind.GAP, "by changes", "ben-1"),
    Seed("a page ends early and says it is whole", _short_page, Kind.GAP, "says that there is no more", "ben-1"),
    Seed("an acknowledged message is lost", _lose_row, Kind.LOST, "was acknowledged"),
    Seed("the log keeps what the table lost", _lose_row, Kind.LOST, "there is no such row"),
    Seed("a commit is rolled back after its answer", _roll_back, Kind.LOST, "was acknowledged"),
    Seed("readers saw what was rolled back", _roll_back, Kind.INVENTED, "is not in the log", "ann-1"),
    Seed("a message is written twice", _write_twice, Kind.DOUBLED, "was written 2 times"),
    Seed("a retry makes a second message", _lost_ack_doubled, Kind.DOUBLED, "2 different messages"),
    Seed("an offset is skipped", _skip_offset, Kind.GAP, "was never given"),
    Seed("an offset is given twice", _same_offset_twice, Kind.DOUBLED, "was given 2 times"),
    Seed("a seq is skipped", _skip_seq, Kind.GAP, "seq"),
    Seed("seq and offset disagree on the order", _swap_seq, Kind.OUT_OF_ORDER, "came into the log after"),
    Seed("the room's copy of the offset lags", _head_behind, Kind.STALE, "its stream"),
    Seed("the order is not that of real time", _against_real_time, Kind.OUT_OF_ORDER, "was acknowledged"),
    Seed("other words are stored", _wrong_content_stored, Kind.WRONG, "rubbish"),
    Seed("another sender is stored", _wrong_sender_stored, Kind.WRONG, "sender is 'ben'"),
    Seed("a message that nobody sent", _nobody_wrote, Kind.INVENTED, "was sent by nobody"),
    Seed("an acknowledged edit is lost", _edit_not_kept, Kind.LOST, "edit"),
    Seed("an edit stores other words", _edit_mangled, Kind.WRONG, "is not what edit"),
    Seed("an acknowledged recall is lost", _recall_forgotten, Kind.LOST, "the recall of message"),
    Seed("a recalled row keeps its content", _recalled_row_readable, Kind.READABLE, "in the database"),
    Seed("a recall is told with the content", _recalled_frame_readable, Kind.READABLE, "it was recalled at", "ann-1"),
    Seed("a tombstone has html", _tombstone_with_content, Kind.READABLE, "was shown with its content", "ann-1"),
    Seed("a list shows recalled content", _recalled_in_list, Kind.READABLE, "it was recalled at", "ann-1"),
    Seed("an edit is told with other words", _wrong_content_shown, Kind.WRONG, "rubbish", "ann-1"),
    Seed("an edit is told with the old words", _old_version_shown, Kind.STALE, "version 1", "ann-1"),
    Seed("another sender is told", _wrong_sender_shown, Kind.WRONG, "sender_id", "ann-1"),
    Seed("an offset tells another event", _other_event, Kind.WRONG, "in the log and", "ann-1"),
    Seed("an offset tells another message", _other_message, Kind.WRONG, "in the log, about", "ann-1"),
    Seed("a frame past the end of the log", _phantom, Kind.INVENTED, "is not in the log", "ann-1"),
    Seed("an ex-member still gets frames", _leak_to_stranger, Kind.LEAK, "without being a member", "dan-1"),
    Seed("a stranger reads the messages", _leak_list, Kind.LEAK, "without being a member", "ben-1"),
    Seed("a stranger polls meta", _leak_meta, Kind.LEAK, "without being a member", "ben-1"),
    Seed("a room shows another room's message", _other_rooms_message, Kind.LEAK, "was shown in this room", "ann-1"),
    Seed("a message names another room", _other_rooms_message, Kind.LEAK, "was shown as one of room", "ann-1"),
    Seed("a message lands in another room", _written_elsewhere, Kind.LEAK, "stands in blue"),
    Seed("a refused message is written", _refused_yet_written, Kind.REFUSED_YET_WRITTEN, "was refused", "cleo-1"),
    Seed("meta goes back", _meta_back, Kind.STALE, "meta went back", "ben-1"),
    Seed("meta is older than promised", _meta_late, Kind.STALE, "s after", "ben-1"),
    Seed("lastMessageAt goes back", _meta_time_back, Kind.STALE, "lastMessageAt went back", "ben-1"),
    Seed("meta is ahead of the log", _meta_ahead, Kind.INVENTED, "never came past", "ben-1"),
    Seed("a list is older than its offset", _list_behind, Kind.STALE, "ends at seq", "cleo-1"),
    Seed("a list has a hole", _list_hole, Kind.GAP, "has a hole", "ann-1"),
    Seed("a list has a message twice", _list_doubled, Kind.DOUBLED, "stands twice", "ann-1"),
    Seed("a list is out of order", _list_swapped, Kind.OUT_OF_ORDER, "stands after", "ann-1"),
    Seed("unread drifts", _unread_drift, Kind.UNREAD, "the server says", "ben-1"),
    Seed("a read position goes back", _read_position_back, Kind.LOST, "had read up to"),
    Seed("a reader stops short of the head", _settled_behind, Kind.STALE, "for the newest", "ann-1"),
    Seed("a frame of another epoch", _epochs_mixed, Kind.EPOCH, "came after the position was in", "ann-1"),
    Seed("an act has no outcome", _no_outcome, Kind.UNFINISHED, "outcomes", "ann-1"),
]
