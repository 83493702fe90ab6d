"""Keeps the processes of one installation running, and ends them in order.

One thread, no event loop: it looks at its children ten times a second, starts again what died,
waits longer each time when something dies again and again, and on SIGTERM or Ctrl-C ends the
doors first and the store last.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Protocol

from ops.problems import StartProblem
from ops.processes import Child, Spec

# Seconds to wait before each further restart of a process that keeps dying.
BACKOFF = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A process that lived this long (seconds) starts with a clean slate.
STEADY = 30.0
LOOK = 0.1
# A process that dies this often before it was ever ready will not start.
HOPELESS = 3


class Log(Protocol):
    """Takes what happened, for whoever reads the logs later."""

    def __call__(self, event: str, **facts: object) -> None: ...


class Stopping(Exception):
    """Somebody asked the supervisor to stop."""


class Supervisor:
    """Starts children, keeps them running, stops them."""

    def __init__(self, home: Path, *, say: Callable[[str], None], log: Log, forget: Callable[[int], None]) -> None:
        self.home = home
        self.children: list[Child] = []
        self._say = say
        self._log = log
        self._forget = forget
        self._deaths: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._stop_asked = 0
        for name in ("run", "logs"):
            (home / name).mkdir(mode=0o700, exist_ok=True)

    def handle_signals(self) -> None:
        """SIGTERM, SIGINT and SIGHUP (the terminal was closed) stop everything."""
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # Under nohup, and in the background of a script, it was asked not to listen.
            if signal.getsignal(signum) is not signal.SIG_IGN:
                signal.signal(signum, self._asked)

    def _asked(self, signum: int, frame: FrameType | None) -> None:
        self._stop_asked += 1

    def start(self, spec: Spec, *, capture: bool) -> Child:
        """Start a child and keep it running from now on. ``capture``: its output goes to a file."""
        child = Child(spec, home=self.home, capture=capture)
        self._start(child)
        self.children.append(child)
        return child

    def _start(self, child: Child) -> None:
        child.start()
        self._log("process_started", name=child.spec.name, pid=child.pid)

    def wait_until(self, ready: Callable[[], bool], *, child: Child, seconds: float, what: str) -> None:
        """Wait for ``ready``. A child that keeps dying on the way, or takes too long, is a StartProblem."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._deaths.get(child.spec.name, 0) >= HOPELESS or time.monotonic() > deadline:
                raise StartProblem(f"{what} does not start. The end of its output:\n{child.last_output()}")
            self.look(0.02)

    def run(self) -> None:
        """Watch until somebody asks to stop (raises Stopping)."""
        while True:
            self.look(LOOK)

    def look(self, seconds: float) -> None:
        """Start again what has died and has waited long enough, then sleep. Raises Stopping when asked to."""
        if self._stop_asked:
            raise Stopping
        now = time.monotonic()
        for child in self.children:
            name = child.spec.name
            if name in self._due:
                if now >= self._due[name]:
                    del self._due[name]
                    self._start(child)
            elif (code := child.exit_code()) is not None:
                self._died(child, code, now)
        time.sleep(seconds)

    def _died(self, child: Child, code: int, now: float) -> None:
        name = child.spec.name
        if now - child.started_at > STEADY:
            self._deaths[name] = 0
        deaths = self._deaths[name] = self._deaths.get(name, 0) + 1
        delay = BACKOFF[min(deaths, len(BACKOFF)) - 1]
        self._due[name] = now + delay
        self._forget(child.pid)
        self._log("process_died", name=name, pid=child.pid, exit_code=code, restart_in=delay)
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._say(f"{name} ended unexpectedly ({how}); starting it again. Its output: {child.output_file}")

    def stop(self) -> None:
        """End all children: the doors first, Valkey after everyone who uses it. Asked again (a second
        Ctrl-C), wait no longer."""
        asked = self._stop_asked
        doors = [child for child in self.children if child.spec.name != "valkey"]
        rest = [child for child in self.children if child.spec.name == "valkey"]
        for group in (doors, rest):
            for child in group:
                child.terminate()
            for child in group:
                deadline = time.monotonic() + child.spec.grace
                while child.exit_code() is None and time.monotonic() < deadline and self._stop_asked <= asked:
                    time.sleep(0.02)
                clean = child.wait(0)
                self._log("process_stopped", name=child.spec.name, pid=child.pid, clean=clean)
        self.children.clear()
