"""Child processes that never outlive their parent, and the files that name them.

Linux tells a process when its parent dies (``PR_SET_PDEATHSIG``), even when the parent was
killed with -9. On other systems the pid files do it: the next start ends what was left.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ops.problems import StartProblem

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

# In the environment of every child: the data folder that it works on.
_MARK = "PARLEY_SUPERVISED"


def die_with_parent(parent: int, signum: int = signal.SIGTERM) -> None:
    """Have this process get ``signum`` when the process ``parent`` dies; end now if it already has."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:
        os._exit(1)


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run. ``grace``: seconds from SIGTERM to SIGKILL."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    fds: Sequence[int] = ()
    grace: float = 15.0


def spawn(spec: Spec, *, home: Path, stdout: int | IO[Any] | None, stderr: int | None) -> subprocess.Popen[bytes]:
    """Start a process that ends with this one."""
    parent = os.getpid()
    return subprocess.Popen(
        list(spec.argv),
        env={**os.environ, **spec.env, _MARK: str(home)},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=tuple(spec.fds),
        # A group of its own: Ctrl-C in the terminal reaches the supervisor alone, which then ends
        # its children in the right order.
        process_group=0,
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - the supervisor has one thread
    )


class Child:
    """A process that the supervisor keeps running. What it prints goes to a file, anew each time,
    or (``capture=False``) where the supervisor's own output goes."""

    def __init__(self, spec: Spec, *, home: Path, capture: bool) -> None:
        self.spec = spec
        self.home = home
        self.pid_file = home / "run" / f"{spec.name}.pid"
        self.output_file = home / "logs" / f"{spec.name}.out"
        self.started_at = 0.0
        self._capture = capture
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's id, 0 before it was started."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it."""
        self.started_at = time.monotonic()
        if self._capture:
            with self.output_file.open("wb") as output:
                self._process = spawn(self.spec, home=self.home, stdout=output, stderr=subprocess.STDOUT)
        else:
            self._process = spawn(self.spec, home=self.home, stdout=None, stderr=None)
        write_pid(self.pid_file, self._process.pid)

    def exit_code(self) -> int | None:
        """The exit code when it has ended, else None."""
        return self._process.poll() if self._process else 0

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; kill it when ``seconds`` have passed. True when it ended by itself."""
        if not self._process:
            return True
        try:
            self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        finally:
            self.pid_file.unlink(missing_ok=True)
        return True

    def last_output(self, size: int = 4000) -> str:
        """The end of what it printed."""
        if not self._capture:
            return "(see above)"
        return self.output_file.read_bytes()[-size:].decode(errors="replace").strip()


def write_pid(path: Path, pid: int) -> None:
    """Write a pid file that is never seen half written."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{pid}\n")
    fresh.replace(path)


def take_folder(home: Path) -> IO[str]:
    """Lock the data folder; raise StartProblem when another server works on it."""
    lock = (home / "run" / "serve.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        pid_file = home / "run" / "serve.pid"
        pid = pid_file.read_text().strip() if pid_file.exists() else "unknown"
        raise StartProblem(
            f"Parley already runs on {home} (process {pid}). Stop that one, or set PARLEY_HOME to another folder."
        ) from None
    return lock


def end_leftovers(home: Path, *, patience: float = 20.0) -> None:
    """End children of an earlier supervisor on this data folder; kill what does not end by itself."""
    leftovers = [pid for path in (home / "run").glob("*.pid") if (pid := _leftover(path, home))]
    deadline = time.monotonic() + patience
    for pid in leftovers:
        _signal(pid, signal.SIGTERM)
    while leftovers := [pid for pid in leftovers if _belongs(pid, home)]:
        if time.monotonic() > deadline:
            for pid in leftovers:
                _signal(pid, signal.SIGKILL)
        time.sleep(0.05)


def _leftover(path: Path, home: Path) -> int:
    """The pid in the file when it is still a process of ours; the file goes away."""
    text = path.read_text().strip()
    path.unlink(missing_ok=True)
    pid = int(text) if text.isdigit() else 0
    return pid if pid and pid != os.getpid() and _belongs(pid, home) else 0


def _belongs(pid: int, home: Path) -> bool:
    # The number may long belong to somebody else: the mark in its environment says whose it is.
    # A process that has ended and waits for its parent to look has no environment any more.
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"{_MARK}={home}".encode() in environment.split(b"\0")


def _signal(pid: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)
