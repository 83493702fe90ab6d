"""The real server, as a person starts it: ``manage.py serve`` in a process, on a free port.

    with Server(tmp_path / "home") as server:
        httpx.get(server.url + "/healthz")

It is the whole installation: supervisor, web workers, task worker, embedded Valkey. What it prints is
in ``server.output()``, what it logs in ``server.logs()``.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.support import places
from tests.support.services import wait_for

READY = re.compile(r"^Parley is ready at (http://\S+)$", re.MULTILINE)
# Of the tests' own environment, what would change the server under test.
OURS = (
    "DATABASE_URL",
    "DJANGO_SETTINGS_MODULE",
    "PARLEY_ENV",
    "PARLEY_HOST",
    "PORT",
    "PYTHONDONTWRITEBYTECODE",
    "REDIS_URL",
    "WEB_WORKERS",
)
START_SECONDS = 120.0
STOP_SECONDS = 40.0


class Server:
    """An installation under test.

    ``database_url``, ``redis_url``: instead of SQLite and the embedded Valkey. ``workers``: web workers,
    0 for the server's own choice. ``env``: further variables of its environment.
    """

    def __init__(
        self,
        home: Path,
        *,
        database_url: str = "",
        redis_url: str = "",
        workers: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.url = ""
        self._lines: list[str] = []
        self._env = {name: value for name, value in os.environ.items() if name not in OURS}
        self._env |= {"PARLEY_HOME": str(home), "PORT": "0", "PYTHONUNBUFFERED": "1", "LOG_TO": "file"}
        # One for all servers under test: collecting takes seconds, and it is the same for all.
        self._env["PARLEY_STATIC"] = str(places.ROOT / "var" / "test-static")
        given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "WEB_WORKERS": str(workers or "")}
        self._env |= {name: value for name, value in given.items() if value}
        self._env |= env or {}
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def websocket_url(self) -> str:
        """The address for sockets, without a path."""
        return self.url.replace("http://", "ws://", 1)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    def start(self, *, wait: bool = True) -> None:
        """Start it; with ``wait``, return when it is ready, or fail with what it printed.

        From a thread that lives as long as the server may: it ends with the thread that started it.
        """
        self._lines.clear()
        self.process = subprocess.Popen(
            [sys.executable, str(places.ROOT / "manage.py"), "serve", "--with-parent"],
            cwd=places.ROOT,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        if wait:
            wait_for(lambda: READY.search(self.output()) or not self.running, "the ready line", START_SECONDS)
            found = READY.search(self.output())
            assert found, f"the server did not start:\n{self.output()}"
            self.url = found[1]

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.append(line)

    @property
    def running(self) -> bool:
        """Whether its supervisor lives."""
        return self.process is not None and self.process.poll() is None

    def output(self) -> str:
        """All that it printed."""
        return "".join(self._lines)

    def logs(self) -> str:
        """All that its processes logged."""
        return "".join(path.read_text() for path in sorted((self.home / "logs").iterdir()))

    def pid(self, name: str) -> int:
        """The process ``web-0``, ``web-1``, ``tasks``, ``valkey`` or ``serve``; 0 while there is none."""
        path = self.home / "run" / f"{name}.pid"
        with contextlib.suppress(FileNotFoundError):
            return int(path.read_text())
        return 0

    def pids(self) -> dict[str, int]:
        """All its processes by name."""
        return {path.stem: self.pid(path.stem) for path in (self.home / "run").glob("*.pid")}

    def kill(self, name: str) -> int:
        """kill -9 one of its processes; the pid that died."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_for_new(self, name: str, old: int, seconds: float = 30.0) -> int:
        """Wait until the supervisor has started ``name`` again; its new pid."""
        wait_for(lambda: self.pid(name) not in {0, old}, f"a new {name}", seconds)
        return self.pid(name)

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Stop it in order; its exit code."""
        if self.process is None:
            return 0
        if self.running:
            self.process.send_signal(signum)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop within {STOP_SECONDS} s:\n{self.output()}") from None
        assert self._reader is not None
        self._reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return code

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
