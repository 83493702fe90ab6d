"""Events: what a change says on the wire, and how it is read back from the rows later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from core.log.models import Change

Payload = dict[str, Any]
E = TypeVar("E", bound="type[Event]")


class Event:
    """Base of all durable events. Subclasses are frozen dataclasses, registered by name."""

    name: ClassVar[str]

    def object_ids(self) -> dict[str, str]:
        """The ids of the objects that changed, as they stand in the log."""
        raise NotImplementedError

    def data(self) -> Payload:
        """Small facts that no row keeps (a former role, a reason). Never a person's words."""
        return {}

    def payload(self) -> Payload:
        """The payload on the wire, without ``offset`` and ``epoch``."""
        raise NotImplementedError

    @classmethod
    def hydrate(cls, changes: Sequence[Change]) -> list[Payload | None]:
        """The payloads of stored changes, from the rows as they are now, in a constant number of
        queries. None stands for a change whose object was erased."""
        raise NotImplementedError


_registry: dict[str, type[Event]] = {}


def register_event(name: str) -> Callable[[E], E]:
    """Class decorator: the event's name on the wire and in the log, unique."""

    def register(cls: E) -> E:
        if name in _registry:
            raise ValueError(f"two events are named {name}")
        cls.name = name
        _registry[name] = cls
        return cls

    return register


def registered_events() -> Mapping[str, type[Event]]:
    """All events by name: for the catalogue, the readers and the reserved names."""
    return _registry


def hydrate(changes: Sequence[Change]) -> list[Payload | None]:
    """Payloads of a page of changes, in their order; each kind of event is asked once."""
    payloads: list[Payload | None] = [None] * len(changes)
    by_event: dict[str, list[int]] = {}
    for index, change in enumerate(changes):
        by_event.setdefault(change.event, []).append(index)
    for name, indexes in by_event.items():
        found = _registry[name].hydrate([changes[index] for index in indexes])
        for index, payload in zip(indexes, found, strict=True):
            payloads[index] = payload
    return payloads
