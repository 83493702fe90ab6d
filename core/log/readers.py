"""Reading the log: pages of changes after a position, and the heads of streams."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from core.errors import PositionLost
from core.log.epoch import current_epoch
from core.log.events import hydrate
from core.log.models import Change, Stream


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes in order of offset. ``offset`` is the stream's head at the time of reading."""

    changes: list[dict[str, Any]]
    offset: int
    epoch: str
    has_more: bool

    def as_dict(self) -> dict[str, Any]:
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
    current = current_epoch()
    if epoch is not None and epoch != current:
        raise PositionLost(extra={"epoch": current})
    head, floor = _bounds(stream)
    if not floor <= after <= head:
        raise PositionLost(extra={"epoch": current, "offset": head})
    query = Change.objects.filter(stream_id=stream, offset__gt=after, offset__lte=head)
    found = list(query.order_by("offset")[:limit])
    payloads = hydrate(found)
    changes = [
        {"offset": change.offset, "event": change.event, "payload": payload}
        for change, payload in zip(found, payloads, strict=True)
        if payload is not None
    ]
    has_more = bool(found) and found[-1].offset < head
    return ChangesPage(changes, head, current, has_more)


def head(stream: str) -> int:
    """The offset of the newest change, 0 for a stream without any."""
    return _bounds(stream)[0]


def heads(streams: Collection[str]) -> dict[str, int]:
    """The newest offsets of many streams in one query; streams without a change are left out."""
    return dict(Stream.objects.filter(key__in=streams).values_list("key", "offset"))


def _bounds(stream: str) -> tuple[int, int]:
    row = Stream.objects.filter(key=stream).values_list("offset", "floor").first()
    return row if row is not None else (0, 0)
