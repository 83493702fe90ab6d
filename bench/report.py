"""Writes docs/performance.md from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench.aims import FAST, NAIVE, SLOW, Aim, of_polling, of_rates, of_sends, per_minute
from bench.polling import META_SECONDS, NAIVE_SECONDS, POLLERS, Cell
from bench.rates import LANES, Rate
from bench.sends import SENDERS, WINDOW, Sends
from bench.wire import percentile

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
# Above this many runnable processes per core the machine had other work as well.
BUSY = 1.5

HEAD = """# Performance

Written by `make bench`; do not edit. Everything was measured in one run on the machine below, against
the real server (`manage.py serve`, one web process, its own Valkey), over 127.0.0.1. Read ratios rather
than rates: rates depend on the machine and on what else it was doing.
"""

POLLING = f"""## {POLLERS} people who poll one room

The *naive* client is the one of the specification's "before": it asks for the whole list of 50 messages
every {NAIVE_SECONDS:.0f} s, does not wait for the answer before it asks again, and the server asks its database with
every request who that is, whether they are in the room, and for all the messages (`bench/naive.py`: four
queries). *Naive on Parley* is the same client with Parley's own list and its caches. *Ours* asks
`meta` every {META_SECONDS} s with an ETag, never twice at a time, and reads `changes?after=` when the offset moved.

Each row is {{seconds:.0f}} s of real time, shown per minute. Queries are counted in the server, around every
statement that Django sends (`parley_db_queries_total` at `/metrics`; `BEGIN` and `COMMIT` are not among
them, the task worker's are, about one a second). Bytes are those of requests and responses in both directions, headers
included. Latency is over all requests of the client. *Seen after* is from the sender's answer until a
poller has the message.
"""

RATES = f"""## How many polls one process answers

{LANES} connections, each asking again as soon as it has its answer. The web process has one core to itself and
the load generator another. *Processor time* is what the web process used for one answer; it is the
steadier figure on a machine with other work.
"""

SENDS = f"""## Durable sends

{SENDERS} senders over WebSocket, {WINDOW} messages of each under way. A message counts when its sender has the
reply; the run fails unless every socket of the room got every message. SQLite runs with `synchronous=FULL`, PostgreSQL
with `fsync`, `synchronous_commit` and `full_page_writes` on; both are asked before the run. PostgreSQL
shares the machine's cores with the server and the senders.
"""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def milliseconds(seconds: float) -> str:
    """``1.2 ms``, ``340 ms``."""
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def _against(value: float, naive: float, show: Callable[[float], str]) -> str:
    """The value, and how far it is from the naive one: ``382 (−98.0%)``."""
    return show(value) if value == naive else f"{show(value)} ({value / naive - 1:+.1%})".replace("-", "−")


def size(count: float) -> str:
    """Bytes, in the unit that reads best."""
    for unit in ("B", "KB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} MB"


def polling(cells: list[Cell]) -> str:
    """The first table: naive against ours."""
    parts = [POLLING.format(seconds=min(cell.seconds for cell in cells))]
    for rate, name in ((SLOW, "One message a minute"), (FAST, "One message a second")):
        chosen = [cell for cell in cells if cell.rate == rate]
        naive = next(cell for cell in chosen if cell.client == NAIVE)
        rows = [
            [
                cell.client,
                f"{per_minute(cell, cell.requests):,.0f}",
                _against(per_minute(cell, cell.queries), per_minute(naive, naive.queries), "{:,.0f}".format),
                _against(per_minute(cell, cell.bytes), per_minute(naive, naive.bytes), size),
                milliseconds(cell.latency(0.5)),
                milliseconds(cell.latency(0.99)),
                f"{per_minute(cell, cell.cpu):.1f} s",
                f"{milliseconds(percentile(cell.delays, 0.5))} / {milliseconds(percentile(cell.delays, 0.99))}",
                f"{cell.delivered / (cell.messages * POLLERS):.1%}",
            ]
            for cell in chosen
        ]
        header = ["client", "requests/min", "queries/min", "bytes/min", "p50", "p99", "server CPU/min"]
        parts.append(f"### {name}\n\n" + table([*header, "seen after p50 / p99", "seen by"], rows))
    return "\n".join(parts)


def rates(found: list[Rate]) -> str:
    """Polls a second."""
    naive = found[0]
    rows = [
        [
            rate.name,
            f"{rate.rate:,.0f}",
            f"{rate.low:,.0f} – {rate.high:,.0f}",
            f"{rate.rate / naive.rate:.1f}×",
            f"{rate.cpu:,.0f} µs",
            f"{naive.cpu / rate.cpu:.1f}×",
            milliseconds(rate.p50),
            milliseconds(rate.p99),
            size(rate.bytes),
        ]
        for rate in found
    ]
    header = ["question", "answers/s", "lowest – highest", "against naive", "processor time", "against naive"]
    return f"{RATES}\n" + table([*header, "p50", "p99", "answer"], rows)


def sends(found: list[Sends]) -> str:
    """Messages a second."""
    rows = [
        [
            each.database,
            str(each.rooms),
            f"{each.rate:,.0f}",
            f"{each.low:,.0f} – {each.high:,.0f}",
            milliseconds(each.p50),
            milliseconds(each.p99),
            f"{each.cpu:,.0f} µs",
            f"{each.deliveries:,.0f}",
        ]
        for each in found
    ]
    header = [
        "database",
        "rooms",
        "messages/s",
        "lowest – highest",
        "p50",
        "p99",
        "web CPU per message",
        "deliveries/s",
    ]
    return f"{SENDS}\n" + table(header, rows)


def aims(found: Iterable[Aim]) -> str:
    """What was wanted and what came of it."""
    rows = [[aim.name, aim.wanted, aim.found, "reached" if aim.reached else "**open**"] for aim in found]
    return "## Aims\n\n" + table(["what", "aim", "measured", ""], rows)


def write(facts: list[tuple[str, str]], cells: list[Cell], found_rates: list[Rate], found_sends: list[Sends]) -> None:
    """Write the page."""
    all_aims = [*of_polling(cells), *of_rates(found_rates), *of_sends(found_sends)]
    parts = [HEAD, table(["", ""], [[name, value] for name, value in facts])]
    parts += [polling(cells), rates(found_rates), sends(found_sends), aims(all_aims)]
    PAGE.write_text("\n".join(parts))
