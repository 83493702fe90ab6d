"""One suite as a process: its output, its time, and what it leaves behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from scripts.junit import Counts

_PR_SET_CHILD_SUBREAPER = 36
# In the environment of everything that a suite starts.
MARK = "PARLEY_SUITE"
# Seconds past its budget after which a suite is ended; it has failed by then.
PATIENCE = 120
# Seconds that what a suite started has for ending after it.
LINGER = 10


@dataclass(frozen=True)
class Suite:
    """``command`` may name ``{report}``, the JUnit file to write; ``budget`` in seconds; ``packages``:
    Debian packages without which it cannot run."""

    name: str
    command: tuple[str, ...]
    budget: int
    packages: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)


def adopt_orphans() -> None:
    """Become the parent of what a suite leaves running, so that it is found and ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Run:
    """A suite under way."""

    # The processes of all runs: each is waited for by its own.
    _pids: ClassVar[set[int]] = set()

    def __init__(self, suite: Suite, results: Path) -> None:
        self.suite = suite
        self.log = results / f"{suite.name}.log"
        self.report = results / f"{suite.name}.xml"
        self.seconds = 0.0
        self._killed = False
        self._left: list[str] = []
        self._began = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [part.replace("{report}", str(self.report)) for part in suite.command],
                env={**os.environ, **suite.env, MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._pids.add(self._process.pid)

    @property
    def _mark(self) -> str:
        return f"{os.getpid()}-{self.suite.name}"

    def finished(self) -> bool:
        """Whether it has ended; it is ended when it hangs."""
        self.seconds = time.monotonic() - self._began
        if self._process.poll() is None:
            if self.seconds > self.suite.budget + PATIENCE:
                self.kill()
            return False
        self._left = self._end_leftovers()
        return True

    def kill(self) -> None:
        """End it and all that it started."""
        self._killed = True
        for pid in [self._process.pid, *self._started()]:
            _signal(pid, signal.SIGKILL)
        self._process.wait()

    def problems(self, counts: Counts) -> list[str]:
        """What is wrong with it, apart from tests that were skipped."""
        found = []
        if counts.failed:
            found.append(f"{counts.failed} tests failed")
        if self._killed:
            found.append(f"it hung and was ended after {self.seconds:.0f} s")
        elif self.seconds > self.suite.budget:
            found.append(f"it took {self.seconds:.0f} s, and its budget is {self.suite.budget} s")
        if not counts.ran:
            found.append("it ran no test")
        if self._process.returncode and not found:
            found.append(f"its runner ended with code {self._process.returncode}")
        if self._left:
            found.append(f"it left processes behind: {', '.join(self._left)}")
        return found

    def output(self, limit: int = 20_000) -> str:
        """The end of what it printed."""
        return self.log.read_bytes()[-limit:].decode(errors="replace")

    def _end_leftovers(self) -> list[str]:
        deadline = time.monotonic() + LINGER
        while (left := self._started()) and time.monotonic() < deadline:
            time.sleep(0.1)
        names = [f"{_command(pid)} ({pid})" for pid in left]
        for pid in left:
            _signal(pid, signal.SIGKILL)
        return names

    def _started(self) -> list[int]:
        """What still runs of all that it started, however far down."""
        wanted = f"{MARK}={self._mark}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0") and _state(folder) != "Z":
                    found.append(int(folder.name))
        self._reap()
        return [pid for pid in found if pid != os.getpid()]

    def _reap(self) -> None:
        """Take leave of adopted processes that have ended."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                if stat[0] == "Z" and int(stat[1]) == os.getpid() and int(folder.name) not in self._pids:
                    os.waitpid(int(folder.name), os.WNOHANG)


def _state(folder: Path) -> str:
    return (folder / "stat").read_text().rpartition(")")[2].split()[0]


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    return b" ".join(words[:4]).decode(errors="replace")[:120]


def _signal(pid: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)
