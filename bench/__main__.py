"""``python -m bench``: measure everything and write docs/performance.md (some ten minutes).

With the names of parts (``polling``, ``rates``, ``sends``) only those are measured, and printed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import threading
import time

from bench import machine, polling, rates, report, sends

PARTS = ("polling", "rates", "sends")


class LoadWatch:
    """The machine's load while we measured: ours included."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(5):
            self._values.append(machine.load())

    def __enter__(self) -> LoadWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def fact(self) -> tuple[str, str]:
        """For the head of the report."""
        values = self._values or [machine.load()]
        text = f"{min(values):.1f} to {max(values):.1f} (1-minute load average, this run included)"
        if min(values) > report.BUSY * (os.cpu_count() or 1):
            text += "; the machine had other work all the time, so rates are too low and latencies too high"
        return "Load", text


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="measure only these, and write nothing")
    parser.add_argument("--seconds", type=float, default=60, help="of each cell of the polling table (60)")
    parser.add_argument("--runs", type=int, default=3, help="of each rate; the median counts (3)")
    wanted = parser.parse_args()
    parts = wanted.parts or PARTS
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", flush=True)

    with LoadWatch() as load:
        cells = polling.run(seconds=wanted.seconds, say=say) if "polling" in parts else []
        found_rates = asyncio.run(rates.run(seconds=4, runs=wanted.runs, say=say)) if "rates" in parts else []
        found_sends = sends.run(seconds=8, runs=wanted.runs, say=say) if "sends" in parts else []
    if wanted.parts:
        return
    report.write([*machine.facts(), load.fact()], cells, found_rates, found_sends)
    say(f"written to {report.PAGE}")


if __name__ == "__main__":
    main()
