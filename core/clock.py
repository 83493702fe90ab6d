"""Time as Parley stores and shows it: UTC, microseconds, RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone


def now() -> datetime:
    """The current time, aware, UTC."""
    return timezone.now()


def format_time(value: datetime) -> str:
    """``2026-11-22T08:00:00.000000Z``: fixed width, so that it sorts as text."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def format_optional(value: datetime | None) -> str | None:
    """As ``format_time``; None stays None."""
    return None if value is None else format_time(value)


def parse_time(value: str | int | float) -> datetime:
    """A time from RFC 3339 text or decimal Unix seconds. Raises ValueError for anything else."""
    if isinstance(value, bool):
        raise ValueError("a time is RFC 3339 text or Unix seconds")  # noqa: TRY004 - callers parse, they catch one error
    if isinstance(value, int | float):
        return _from_seconds(float(value))
    try:
        return _from_seconds(float(value))
    except ValueError:
        pass
    parsed = datetime.fromisoformat(value)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _from_seconds(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("the time is out of range") from error
