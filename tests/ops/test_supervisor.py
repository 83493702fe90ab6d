"""The supervisor starts again what dies, more slowly each time, and gives up on what never was up."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops import supervisor as module
from ops.problems import StartProblem
from ops.processes import Spec
from ops.supervisor import Stopping, Supervisor
from tests.support.services import wait_for

SLEEPER = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
FAILING = [sys.executable, "-S", "-c", "print('no such setting'); raise SystemExit(3)"]


class Watched(Supervisor):
    """A supervisor whose words and log can be read."""

    def __init__(self, home: Path) -> None:
        self.said: list[str] = []
        self.logged: list[dict[str, Any]] = []
        self.forgotten: list[int] = []
        super().__init__(home, say=self.said.append, log=self._note, forget=self.forgotten.append)

    def _note(self, event: str, **facts: object) -> None:
        self.logged.append({"event": event, **facts})


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.stop()


def test_what_dies_is_started_again(supervisor: Watched) -> None:
    child = supervisor.start(Spec("sleeper", SLEEPER), capture=True)
    old = child.pid
    os.kill(old, signal.SIGKILL)

    def again() -> bool:
        supervisor.look(0.01)
        return child.pid not in {0, old} and child.exit_code() is None

    wait_for(again, "a new process", 10)
    assert int(child.pid_file.read_text()) == child.pid
    assert supervisor.forgotten == [old]
    assert "ended unexpectedly (signal 9)" in supervisor.said[0]
    assert [line["event"] for line in supervisor.logged] == ["process_started", "process_died", "process_started"]


def test_what_dies_again_and_again_waits_longer(supervisor: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF", (0.01, 0.02, 0.03))
    supervisor.start(Spec("failing", FAILING), capture=True)

    def died() -> list[float]:
        return [line["restart_in"] for line in supervisor.logged if line["event"] == "process_died"]

    def four() -> bool:
        supervisor.look(0.005)
        return len(died()) >= 4

    wait_for(four, "four deaths", 20)
    assert died()[:4] == [0.01, 0.02, 0.03, 0.03]


def test_what_never_comes_up_is_a_problem_with_its_output(supervisor: Watched) -> None:
    child = supervisor.start(Spec("failing", FAILING), capture=True)
    with pytest.raises(StartProblem, match=r"The thing does not start.*\n?no such setting"):
        supervisor.wait_until(lambda: False, child=child, seconds=30, what="The thing")


def test_what_takes_too_long_is_a_problem(supervisor: Watched) -> None:
    child = supervisor.start(Spec("sleeper", SLEEPER), capture=True)
    with pytest.raises(StartProblem, match="The thing does not start"):
        supervisor.wait_until(lambda: False, child=child, seconds=0.1, what="The thing")


def test_a_request_to_stop_interrupts_waiting(supervisor: Watched) -> None:
    child = supervisor.start(Spec("sleeper", SLEEPER), capture=True)
    supervisor._asked(signal.SIGTERM, None)
    with pytest.raises(Stopping):
        supervisor.wait_until(lambda: False, child=child, seconds=30, what="The thing")


def test_the_store_is_ended_after_those_who_use_it(supervisor: Watched) -> None:
    for name in ("valkey", "web-0", "tasks"):
        supervisor.start(Spec(name, SLEEPER), capture=True)
    supervisor.stop()
    stopped = [line["name"] for line in supervisor.logged if line["event"] == "process_stopped"]
    assert stopped == ["web-0", "tasks", "valkey"]
    assert list((supervisor.home / "run").iterdir()) == []


def test_a_second_request_ends_the_patience(supervisor: Watched) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    child = supervisor.start(Spec("stubborn", [sys.executable, "-S", "-c", stubborn], grace=600), capture=True)
    wait_for(lambda: child.last_output() == "up", "the child's start")
    supervisor._asked(signal.SIGINT, None)
    before = signal.signal(signal.SIGALRM, supervisor._asked)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    began = time.monotonic()
    supervisor.stop()
    signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 10
    assert child.exit_code() == -signal.SIGKILL


def test_a_signal_that_was_to_be_ignored_stays_ignored(supervisor: Watched) -> None:
    """As nohup asks for."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        supervisor.handle_signals()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == supervisor._asked
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
