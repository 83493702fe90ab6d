"""What the figures are held against. An aim that is not reached stays in the report as open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.polling import Cell
from bench.rates import Rate
from bench.sends import Sends

# Synapse (SQLite) sends this many messages a second on two such cores; measured before the first
# line of Parley was written, and not repeated here.
SYNAPSE = 100
NAIVE, CACHED, OURS = "naive", "naive on Parley", "ours"
SLOW, FAST = 1 / 60, 1.0


@dataclass(frozen=True)
class Aim:
    """``found`` is shown as it is; ``reached`` says whether that is enough."""

    name: str
    wanted: str
    found: str
    reached: bool


def per_minute(cell: Cell, value: float) -> float:
    """What a cell cost in one minute."""
    return value / cell.seconds * 60


def saving(cells: list[Cell], rate: float, what: Callable[[Cell], float]) -> float:
    """The share (0 to 1) of the naive client's cost that ours saves."""
    by_client = {cell.client: cell for cell in cells if cell.rate == rate}
    naive, ours = by_client[NAIVE], by_client[OURS]
    return 1 - per_minute(ours, what(ours)) / per_minute(naive, what(naive))


def of_polling(cells: list[Cell]) -> Iterator[Aim]:
    """Fewer queries, fewer bytes."""
    wanted = [(SLOW, "a message a minute", 0.95, 0.95), (FAST, "a message a second", 0.90, 0.85)]
    for rate, name, queries, sizes in wanted:
        for kind, least, what in (
            ("queries", queries, lambda cell: float(cell.queries)),
            ("bytes", sizes, lambda cell: float(cell.bytes)),
        ):
            found = saving(cells, rate, what)
            yield Aim(f"{kind} of 200 pollers, {name}", f"≥ {least:.0%} fewer", f"{found:.1%} fewer", found >= least)


def of_rates(rates: list[Rate]) -> Iterator[Aim]:
    """Polls a second, and how many times the naive list."""
    by_name = {rate.name: rate for rate in rates}
    naive = by_name["naive list of 50"]
    for name in ("meta, 200", "meta, 304"):
        rate = by_name[name]
        yield Aim(f"{name}, one process", "≥ 15,000/s", f"{rate.rate:,.0f}/s", rate.rate >= 15_000)
        times = rate.rate / naive.rate
        yield Aim(f"{name}, against the naive list", "≥ 50×", f"{times:.0f}×", times >= 50)


def of_sends(sends: list[Sends]) -> Iterator[Aim]:
    """Durable messages a second."""
    wanted = {
        ("SQLite", 16): 10 * SYNAPSE,
        ("SQLite", 1): 5 * SYNAPSE,
        ("PostgreSQL", 1): 400,
    }
    for found in sends:
        least = wanted.get((found.database, found.rooms))
        if least is not None:
            name = f"durable sends, {found.database}, {'one room' if found.rooms == 1 else f'{found.rooms} rooms'}"
            yield Aim(name, f"≥ {least:,}/s", f"{found.rate:,.0f}/s", found.rate >= least)
