"""Counters of the wire in this process; /metrics shows them, at most a second late.

Counting is adding to a number, because it happens for every frame; prometheus-client, which writes
to a shared file at every step, is told once a second.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from prometheus_client import Counter, Gauge


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

_HELP = {
    "sockets": "Sockets that are open.",
    "topics": "Topics that somebody listens to.",
    "sockets_opened": "Sockets that were opened.",
    "frames_in": "Frames from clients.",
    "frames_out": "Frames to clients.",
    "deliveries": "Frames of topics, times their listeners.",
    "duplicates": "Durable frames that came again and were dropped.",
    "holes_filled": "Changes that the broker lost and the log gave.",
    "recovered": "Joins that were given what they had missed.",
    "positions_lost": "Joins whose position was no longer in the log.",
    "broken_frames": "Frames that were none; their sockets were closed.",
    "slow_closes": "Sockets closed because they read too slowly.",
    "limited": "Pushes refused by a limit.",
    "revoked": "Sockets closed because a sign-in was ended.",
    "publishes_dropped": "What was not stored and could not be told to other processes.",
    "broker_losses": "Times that the connection to Redis was lost.",
}
_NOW = ("sockets", "topics")
_gauges = {name: Gauge(f"parley_realtime_{name}", _HELP[name], multiprocess_mode="livesum") for name in _NOW}
_counters = {
    field.name: Counter(f"parley_realtime_{field.name}", _HELP[field.name])
    for field in fields(Stats)
    if field.name not in _NOW
}
_told = Stats()


def tell() -> None:
    """Bring /metrics up to date."""
    for name, gauge in _gauges.items():
        gauge.set(getattr(stats, name))
    for name, counter in _counters.items():
        counter.inc(max(0, getattr(stats, name) - getattr(_told, name)))
        setattr(_told, name, getattr(stats, name))
