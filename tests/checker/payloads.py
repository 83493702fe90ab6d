"""A message as a reader got it against what was written, and whole lists of messages."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

from tests.checker.known import Known, KnownRoom
from tests.checker.verdicts import Kind
from tests.support.history import Snapshot


class Say(Protocol):
    """Adds a verdict about this reader."""

    def __call__(self, kind: Kind, sentence: str, subject: object = "") -> None: ...


def check_message(known: Known, room: KnownRoom, say: Say, message: Mapping[str, Any], offset: int) -> None:
    """A message that was read when the log stood at ``offset`` or later.

    What is read later may be newer (a change names its object, readers get the row as it is), never older.
    """
    message_id = str(message.get("id"))
    final = room.messages.get(message_id)
    if final is None:
        elsewhere = known.message_room.get(message_id)
        if elsewhere is not None:
            say(Kind.LEAK, f"message {message_id} of room {elsewhere} was shown in this room", message_id)
        else:
            say(Kind.INVENTED, f"message {message_id} was shown and is not in the database", message_id)
        return
    if message.get("room_id") != room.final.id:
        say(Kind.LEAK, f"message {message_id} was shown as one of room {message.get('room_id')}", message_id)
    facts = {"seq": final.seq, "sender_id": final.sender, "client_id": final.client_id}
    for name, wanted in facts.items():
        if message.get(name) != wanted:
            say(
                Kind.WRONG,
                f"message {message_id}: {name} was shown as {message.get(name)!r}, it is {wanted!r}",
                message_id,
            )
    _check_content(known, room, say, message, offset)


def _check_content(known: Known, room: KnownRoom, say: Say, message: Mapping[str, Any], offset: int) -> None:
    message_id = str(message["id"])
    if message.get("is_deleted"):
        if not room.messages[message_id].deleted:
            say(Kind.WRONG, f"message {message_id} was shown as recalled, it is not", message_id)
        if message.get("content") or message.get("html"):
            say(Kind.READABLE, f"the recalled message {message_id} was shown with its content", message_id)
        return
    if room.recalled_at(message_id) <= offset:
        say(
            Kind.READABLE,
            f"message {message_id} was shown with its content at offset {offset}, "
            f"it was recalled at {room.recalled_at(message_id)}",
            message_id,
        )
        return
    version = int(message.get("version", 0))
    least = 1 + room.edits_up_to(message_id, offset)
    if version < least:
        say(
            Kind.STALE,
            f"message {message_id} was shown in version {version} at offset {offset}, it had {least} by then",
            message_id,
        )
    wanted = known.contents.get((message_id, version))
    if wanted is not None and message.get("content") != wanted:
        say(
            Kind.WRONG,
            f"version {version} of message {message_id} was shown as {message.get('content')!r:.80}, "
            f"it is {wanted!r:.80}",
            message_id,
        )


def check_messages_seen(known: Known, room: KnownRoom, say: Say, snapshot: Snapshot) -> None:
    """A list of messages: each right, in order, without holes, and as new as the offset that it names."""
    for message in snapshot.messages:
        check_message(known, room, say, message, snapshot.offset)
    seqs = [int(message.get("seq", 0)) for message in snapshot.messages]
    for before, after in pairwise(seqs):
        if after == before:
            say(Kind.DOUBLED, f"seq {after} stands twice in a list of messages", after)
        elif after < before:
            say(Kind.OUT_OF_ORDER, f"seq {after} stands after seq {before} in a list of messages", after)
        elif after > before + 1:
            say(Kind.GAP, f"between seq {before} and {after} a list of messages has a hole", before + 1)
    newest = room.messages_up_to(snapshot.offset)
    if snapshot.whole and max(seqs, default=0) < newest:
        say(
            Kind.STALE,
            f"a list as of offset {snapshot.offset} ends at seq {max(seqs, default=0)}, the newest was {newest}",
            newest,
        )
