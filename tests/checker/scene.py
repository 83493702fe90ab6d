"""The small talk as a scene that can be spoilt, and what a planted bug is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tests.checker.stage import small_talk
from tests.checker.verdicts import Kind
from tests.support.history import Entry, FinalMessage, FinalRoom, History, Received

T = TypeVar("T", bound=Entry)


class Scene:
    """The small talk, to be spoilt."""

    def __init__(self) -> None:
        self.histories, self.final = small_talk()

    @property
    def red(self) -> FinalRoom:
        """The room in which most of it happens."""
        return self.final.rooms["red"]

    def set_room(self, **fields: Any) -> None:
        """Change the red room's final state."""
        self.final = replace(self.final, rooms={**self.final.rooms, "red": replace(self.red, **fields)})

    def set_message(self, message: FinalMessage, **fields: Any) -> None:
        """Change a message's row."""
        spoilt = replace(message, **fields)
        self.set_room(messages=tuple(spoilt if one is message else one for one in self.red.messages))

    def history(self, client: str) -> History:
        """The history of one client."""
        return next(history for history in self.histories if history.client == client)

    def find(self, client: str, kind: type[T], test: Callable[[T], bool] = lambda entry: True) -> tuple[int, T]:
        """The first entry of that kind that passes, with its place."""
        for index, entry in enumerate(self.history(client).entries):
            if isinstance(entry, kind) and test(entry):
                return index, entry
        raise AssertionError(f"{client} has no such {kind.__name__}")

    def put(self, client: str, index: int, *entries: Entry) -> None:
        """Put these in the place of one entry."""
        self.history(client).entries[index : index + 1] = entries

    def spoil_payload(self, client: str, test: Callable[[Received], bool], **fields: Any) -> None:
        """Change the message in what was received."""
        index, entry = self.find(client, Received, lambda one: "message" in one.payload and test(one))
        message = {**entry.payload["message"], **fields}
        self.put(client, index, replace(entry, payload={**entry.payload, "message": message}))


@dataclass(frozen=True, slots=True)
class Seed:
    """A bug: how it is planted, and the verdict it must bring (``says`` is part of its sentence)."""

    name: str
    plant: Callable[[Scene], None]
    kind: Kind
    says: str
    client: str = ""
