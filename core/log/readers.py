"""Reading the log: pages of changes after a position, and the heads of streams."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypedDict

from core.errors import PositionLost
from core.log.epoch import current_epoch
from core.log.events import hydrate
from core.log.models import Change, Stream


class ChangeBody(TypedDict):
    """One change as REST answers it."""

    offset: int
    event: str
    payload: dict[str, Any]


class ChangesBody(TypedDict):
    """A page as REST answers it; ``offset`` is the stream's head."""

    changes: list[ChangeBody]
    offset: int
    epoch: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes in order of offset. ``offset`` is the stream's head at the time of reading."""

    changes: list[ChangeBody]
    offset: int
    epoch: str
    has_more: bool

    def as_dict(self) -> ChangesBody:
        """The page as REST answers it."""
        return {
            "changes": self.changes,
            "offset": self.offset,
            "epoch": self.epoch,
            "has_more": self.has_more,
        }


def read_changes(stream: str, *, after: int, limit: int, epoch: str | None = None) -> ChangesPage:
    """The changes after offset ``after``, at most ``limit``, as ``{offset, event, payload}``.

    Three queries and those of the events' rows. A change whose object was erased is left out; its
    offset stays used. Raises PositionLost when the epoch is another, or the position lies before
    what compaction left or past the head.
    """
    check_epoch(epoch)
    current = current_epoch()
    head, floor = _bounds(stream)
    if not floor <= after <= head:
        raise PositionLost(extra={"epoch": current, "offset": head})
    query = Change.objects.filter(stream_id=stream, offset__gt=after, offset__lte=head)
    found = list(query.order_by("offset")[:limit])
    expected = min(limit, head - after)
    if len(found) != expected or (found and found[-1].offset != after + expected):
        # Compacted between the two questions: a page with a hole would be a silent loss.
        raise PositionLost(extra={"epoch": current, "offset": head})
    changes: list[ChangeBody] = [
        {"offset": change.offset, "event": change.event, "payload": payload}
        for change, payload in zip(found, hydrate(found), strict=True)
        if payload is not None
    ]
    return ChangesPage(changes, head, current, has_more=after + expected < head)


def check_epoch(epoch: str | None) -> None:
    """Raises PositionLost when a reader's epoch is given and not the current one."""
    current = current_epoch()
    if epoch is not None and epoch != current:
        raise PositionLost(extra={"epoch": current})


def head(stream: str) -> int:
    """The offset of the newest change, 0 for a stream without any."""
    return _bounds(stream)[0]


def heads(streams: Collection[str]) -> dict[str, int]:
    """The newest offsets of many streams in one query; streams without a change are left out."""
    return dict(Stream.objects.filter(key__in=streams).values_list("key", "offset"))


def _bounds(stream: str) -> tuple[int, int]:
    row = Stream.objects.filter(key=stream).values_list("offset", "floor").first()
    return row if row is not None else (0, 0)
