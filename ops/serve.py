"""One installation on this machine: what ``manage.py serve`` starts, in which order, and why not.

Nothing here loads Django's apps: the supervisor stays small and is up at once, and the web workers
load their code while ``manage.py prepare`` looks after the database.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from ops import metrics, valkey
from ops.door import check_settings, listen
from ops.problems import StartProblem
from ops.processes import Child, Spec, die_with_parent, end_leftovers, spawn, take_folder, write_pid
from ops.supervisor import Stopping, Supervisor

Say = Callable[[str], None]

# Seconds that a process may take from its start to its first answer.
PATIENCE = 120.0


class Installation:
    """The processes of this data folder."""

    def __init__(self, say: Say) -> None:
        self.home = Path(settings.PARLEY_HOME)
        self._say = say
        self._to_files = settings.LOGGING["to"] == "file"
        self._supervisor = Supervisor(
            self.home, say=self._tell, log=self._log, forget=lambda pid: metrics.forget_process(self.home, pid)
        )
        self._manage = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py")]
        self._lock: IO[str] | None = None
        self._socket: socket.socket | None = None
        self._preparing: subprocess.Popen[bytes] | None = None
        self._readiness: dict[str, Any] = {}

    def run(self) -> None:
        """Start everything, say that it is ready, and watch until asked to stop (raises Stopping)."""
        self._supervisor.handle_signals()
        self._lock = take_folder(self.home)
        end_leftovers(self.home)
        write_pid(self.home / "run" / "serve.pid", os.getpid())
        self._socket = listen(settings.HOST, settings.PORT, settings.LISTEN_BACKLOG)
        shared = metrics.shared_environment(self.home)
        # Web workers read from it before they serve; closing the other end lets them go, and
        # those that are started again later do not wait.
        gate, go = os.pipe()
        web = [self._start_web(number, gate, shared) for number in range(settings.WEB_WORKERS)]
        self._start_valkey()
        notes = self._prepare()
        os.close(go)
        self._start("tasks", ["worker"], shared)
        self._supervisor.wait_until(self._is_ready, child=web[0], seconds=PATIENCE, what="The web worker")
        if self._readiness["degraded"]:
            self._tell("Redis does not answer. Parley goes on without it, slower; check REDIS_URL.")
        self._say(f"Parley is ready at {self.address}")
        if notes:
            self._say(notes)
        self._supervisor.run()

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def _start(self, name: str, command: list[str], env: dict[str, str], fds: Sequence[int] = ()) -> Child:
        spec = Spec(name, [*self._manage, *command], {**env, "PARLEY_PROCESS": name}, fds)
        return self._supervisor.start(spec, capture=self._to_files)

    def _start_web(self, number: int, gate: int, shared: dict[str, str]) -> Child:
        assert self._socket is not None
        fd = self._socket.fileno()
        return self._start(f"web-{number}", ["web", "--fd", str(fd), "--gate", str(gate)], shared, (fd, gate))

    def _start_valkey(self) -> None:
        if settings.REDIS_EMBEDDED:
            path = Path(settings.VALKEY_SOCKET)
            child = self._supervisor.start(valkey.spec(self.home, path), capture=True)
            self._supervisor.wait_until(
                lambda: valkey.answers(path), child=child, seconds=PATIENCE, what="The embedded Valkey"
            )

    def _prepare(self) -> str:
        """Tables, static files, demo people: what it says about signing in. Raises StartProblem."""
        spec = Spec("prepare", [*self._manage, "prepare", "--address", self.address], {"PARLEY_PROCESS": "prepare"})
        self._preparing = spawn(spec, home=self.home, stdout=subprocess.PIPE, stderr=None)
        while self._preparing.poll() is None:
            self._supervisor.look(0.02)
        notes = self._preparing.communicate()[0].decode().rstrip()
        if self._preparing.returncode:
            raise StartProblem(notes or "Preparing the database failed; the reason stands above.")
        return notes

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=5)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            self._readiness = json.loads(response.read())
            return bool(self._readiness["ready"])
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop everything that runs. Calling it again does nothing."""
        if self._socket is not None:
            # New connections are refused from now on, instead of waiting for an answer in vain.
            self._socket.close()
            self._socket = None
        if self._preparing is not None and self._preparing.poll() is None:
            self._preparing.terminate()
            self._preparing.wait()
        self._supervisor.stop()
        if self._lock is not None:
            (self.home / "run" / "serve.pid").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def _tell(self, text: str) -> None:
        self._say(f"parley: {text}")

    def _log(self, event: str, **facts: object) -> None:
        line = json.dumps({"event": event, **facts, "timestamp": datetime.now(UTC).isoformat(), "process": "serve"})
        if self._to_files:
            with (self.home / "logs" / "serve.log").open("a") as file:
                file.write(line + "\n")
        else:
            sys.stderr.write(line + "\n")


def say(text: str) -> None:
    """Print a line now, also into a pipe; whoever reads may have gone away."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for the rest of the process


def main(arguments: Sequence[str]) -> int:
    """``manage.py serve``: run the installation; the exit code."""
    parser = argparse.ArgumentParser(
        prog="manage.py serve",
        description="Start Parley: Valkey (unless REDIS_URL is set), the web workers and the task worker.",
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one ends")
    if parser.parse_args(arguments).with_parent:
        die_with_parent(os.getppid(), signal.SIGTERM)
    installation = None
    try:
        check_settings()
        installation = Installation(say)
        installation.run()
    except Stopping:
        say("parley: stopping")
    except StartProblem as problem:
        sys.stderr.write(f"parley: {problem}\n")
        return 1
    finally:
        if installation is not None:
            installation.stop()
    say("parley: stopped")
    return 0
