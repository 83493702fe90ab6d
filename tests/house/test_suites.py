"""The suite runner fails whenever it should."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import suite_run
from scripts.junit import Counts
from scripts.suite_run import Run, Suite
from tests.support.places import ROOT
from tests.support.services import wait_for

PASSED = Counts(passed=3)


def finish(tmp_path: Path, script: str, *, budget: int = 60) -> Run:
    """Run a script as a suite to its end."""
    run = Run(Suite("example", (sys.executable, "-c", script), budget), tmp_path)
    wait_for(run.finished, "the end of the suite", 60)
    return run


def test_a_good_suite_has_no_problems(tmp_path: Path) -> None:
    assert finish(tmp_path, "print('fine')").problems(PASSED) == []


def test_failed_tests_are_a_problem(tmp_path: Path) -> None:
    run = finish(tmp_path, "raise SystemExit(1)")
    assert run.problems(Counts(passed=3, failed=2)) == ["2 tests failed"]


def test_a_runner_that_fails_without_a_failed_test_is_a_problem(tmp_path: Path) -> None:
    assert finish(tmp_path, "raise SystemExit(4)").problems(PASSED) == ["its runner ended with code 4"]


def test_no_test_is_a_problem(tmp_path: Path) -> None:
    assert finish(tmp_path, "").problems(Counts(skipped=2)) == ["it ran no test"]


def test_more_than_the_budget_is_a_problem(tmp_path: Path) -> None:
    (problem,) = finish(tmp_path, "", budget=0).problems(PASSED)
    assert "its budget is 0 s" in problem


def test_a_suite_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_run, "PATIENCE", 0.2)
    run = finish(tmp_path, "import time; time.sleep(600)", budget=0)
    (problem,) = run.problems(PASSED)
    assert "hung" in problem


def test_a_process_left_behind_is_a_problem_and_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_run, "LINGER", 0.2)
    script = (
        "import subprocess, sys;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True);"
        "print(p.pid)"
    )
    run = finish(tmp_path, script)
    (problem,) = run.problems(PASSED)
    assert "left processes behind" in problem
    pid = int(run.output())
    wait_for(lambda: _gone(pid), "the end of the process", 10)


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_an_unknown_suite_is_refused() -> None:
    command = [sys.executable, "-m", "scripts.suites", "nonsense"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "There are: " in done.stderr
