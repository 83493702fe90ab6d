"""Counters of the wire in this process; /metrics shows them."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Stats:
    """``sockets`` and ``topics`` are how many there are now; all others only rise."""

    sockets: int = 0
    topics: int = 0
    sockets_opened: int = 0
    frames_in: int = 0
    frames_out: int = 0
    deliveries: int = 0
    # Durable frames that came again and were dropped.
    duplicates: int = 0
    # Changes that the broker lost and the log gave.
    holes_filled: int = 0
    recovered: int = 0
    positions_lost: int = 0
    broken_frames: int = 0
    slow_closes: int = 0
    limited: int = 0
    revoked: int = 0
    # Publishes given up because the broker was away or could not keep up.
    publishes_dropped: int = 0
    broker_losses: int = 0

    def as_dict(self) -> dict[str, int]:
        """All by name."""
        return asdict(self)


stats = Stats()
