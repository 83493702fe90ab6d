"""An event of nobody's app, for tests of the log alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.log.events import Event, Payload, register_event, registered_events
from core.log.models import Change


@dataclass(frozen=True)
class Noted(Event):
    """A note, which the log keeps by its number; ``erased`` notes have no payload any more."""

    number: int

    def object_ids(self) -> dict[str, str]:
        return {"note": str(self.number)}

    def payload(self) -> Payload:
        return {"note": self.number}

    @classmethod
    def hydrate(cls, changes: Sequence[Change]) -> list[dict[str, Any] | None]:
        numbers = [int(change.object_ids["note"]) for change in changes]
        return [None if number in ERASED else {"note": number} for number in numbers]


ERASED: set[int] = set()

if "test:noted" not in registered_events():
    register_event("test:noted")(Noted)
