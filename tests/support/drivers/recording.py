"""How what happens becomes entries of a history."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.support.history import Act, Answered, Asked, Entry, History, Payload, Refused, Unanswered

# What the checker judges of a message. The rest would only fill the memory.
JUDGED = (
    "id",
    "room_id",
    "seq",
    "offset",
    "sender_id",
    "client_id",
    "content",
    "html",
    "version",
    "is_deleted",
)


def essence(payload: Mapping[str, Any]) -> Payload:
    """A change's payload with its message cut down to what is judged."""
    message = payload.get("message")
    return {"message": judged(message)} if isinstance(message, dict) else payload


def judged(message: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a message that the checker judges."""
    return {name: message[name] for name in JUDGED if name in message}


class Attempt:
    """One attempt at one act: ``Asked`` is written when it is made, one outcome after it."""

    def __init__(
        self, history: History, act: Act, key: str, room: str, *, content: str = "", message_id: str | None = None
    ) -> None:
        self._history = history
        self._act = act
        self._key = key
        self._room = room
        self._done = False
        history.add(Asked(time.time(), act, key, room, content, message_id))

    def _add(self, entry: Entry) -> None:
        # Whoever gave up waiting has written "unanswered"; an answer that still comes changes nothing.
        if not self._done:
            self._done = True
            self._history.add(entry)

    def answered(self, message: Mapping[str, Any] | None = None, *, seq: int | None = None) -> None:
        """The server said yes, with this message."""
        if message is None:
            self._add(Answered(time.time(), self._act, self._key, self._room, seq=seq))
            return
        self._add(
            Answered(
                time.time(),
                self._act,
                self._key,
                self._room,
                message_id=message["id"],
                seq=message["seq"],
                offset=message["offset"],
                version=message["version"],
                content=message["content"],
                sender=message["sender_id"],
            )
        )

    def acknowledged(self, message_id: str) -> None:
        """The server said yes to an act on this message and told no more."""
        self._add(Answered(time.time(), self._act, self._key, self._room, message_id=message_id))

    def refused(self, code: str) -> None:
        """The server said no."""
        self._add(Refused(time.time(), self._act, self._key, self._room, code))

    def unanswered(self) -> None:
        """Nothing came."""
        self._add(Unanswered(time.time(), self._act, self._key, self._room))
