"""``make test``: every suite, two at a time, each within its budget, and one verdict at the end.

A suite fails when a test fails, when it takes longer than its budget, when it skips a test that
``tests/allowed-skips.txt`` does not name, when it runs no test, or when it leaves a process behind.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from scripts import debian, junit
from scripts.suite_run import Run, Suite, adopt_orphans

BASE = Path(__file__).resolve().parent.parent
RESULTS = BASE / "var" / "test-results"
ALLOWED = BASE / "tests" / "allowed-skips.txt"
# As many as the smallest machine has cores.
AT_ONCE = 2

SERVERS = ("postgresql", "redis-server")
PYTEST = (
    *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "--durations=5"),
    # A test that hangs tells where, long before its suite is ended.
    *("-o", "faulthandler_timeout=240", "--junitxml={report}"),
)
NODE = (
    *("--test", "--test-reporter=spec", "--test-reporter-destination=stdout"),
    *("--test-reporter=junit", "--test-reporter-destination={report}"),
)
STORM = "tests/system/test_storm.py"
# Folders of tests/ that the unit suites leave to others, or that hold no tests.
APART = frozenset({"browser", "checker", "house", "js", "support", "system", "vectors"})


def unit_folders() -> list[str]:
    """The folders of tests/ that the unit suites run: all that no other suite runs."""
    folders = [path for path in (BASE / "tests").iterdir() if path.is_dir() and path.name not in APART]
    return sorted(f"tests/{path.name}" for path in folders if any(path.rglob("test_*.py")))


def all_suites() -> list[Suite]:
    """Every suite, the longest first. Budgets are seconds on two cores with another suite beside."""
    unit = (*PYTEST, *unit_folders())
    node = shutil.which("node") or "node"
    js = sorted(str(path.relative_to(BASE)) for path in (BASE / "tests" / "js").rglob("*.test.js"))
    return [
        Suite("unit-postgres", unit, 900, SERVERS, {"PARLEY_TEST_BACKEND": "postgres"}),
        Suite("unit", unit, 720),
        Suite("browser", (*PYTEST, "tests/browser"), 600, ("chromium", "fonts-noto-cjk")),
        Suite("system", (*PYTEST, "tests/system", f"--ignore={STORM}"), 900, SERVERS),
        # By far the longest of the system's tests: it writes twenty thousand messages.
        Suite("storm", (*PYTEST, STORM), 900, SERVERS),
        Suite("checker", (*PYTEST, "tests/checker"), 120),
        Suite("house", (*PYTEST, "tests/house"), 120),
        Suite("js", (node, *NODE, *js), 60),
    ]


class Suites:
    """Runs suites side by side and sums them up."""

    def __init__(self, suites: list[Suite]) -> None:
        self._waiting = list(suites)
        self._runs: list[Run] = []
        self._allowed = junit.read_allowed(ALLOWED)
        self.total = junit.Counts()
        self.problems: list[str] = []

    def run(self) -> None:
        """Run them all; what is wrong is in ``problems``."""
        while self._waiting or self._runs:
            while self._waiting and len(self._runs) < AT_ONCE:
                run = Run(self._waiting.pop(0), RESULTS)
                print(f"{run.suite.name:14} begins (budget {run.suite.budget} s)", flush=True)
                self._runs.append(run)
            for run in [run for run in self._runs if run.finished()]:
                self._runs.remove(run)
                self._judge(run)
            time.sleep(0.1)

    def stop(self) -> None:
        """End what runs."""
        for run in self._runs:
            run.kill()

    def _judge(self, run: Run) -> None:
        counts = junit.read(run.report)
        problems = run.problems(counts)
        problems += [f"skipped without leave: {skip}" for skip in junit.forbidden_skips(counts, self._allowed)]
        self.total.add(counts)
        # A suite that failed otherwise than by its tests counts as one failure.
        if problems and not counts.failed:
            self.total.failed += 1
        verdict = "FAILED" if problems else "ok"
        print(
            f"{run.suite.name:14} {verdict:7} {counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped"
            f"  in {run.seconds:.0f} s of {run.suite.budget} s",
            flush=True,
        )
        if problems:
            self.problems += [f"{run.suite.name}: {problem}" for problem in problems]
            print(
                f"---- {run.log.relative_to(BASE)} ----\n{run.output()}\n---- end of {run.suite.name} ----", flush=True
            )


def verdict(suites: Suites, seconds: float) -> int:
    """Print the closing lines; the exit code."""
    total = suites.total
    for problem in suites.problems:
        print(f"FAILED {problem}")
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    failed = f"{total.failed} failed, " if suites.problems else ""
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    print(f"===== {failed}{total.passed} passed{skipped} in {seconds:.2f}s =====", flush=True)
    return 1 if suites.problems else 0


def main() -> int:
    """Run the suites named on the command line, or all."""
    suites = {suite.name: suite for suite in all_suites()}
    parser = argparse.ArgumentParser(prog="make test", description="Run test suites.")
    parser.add_argument("names", nargs="*", metavar="SUITE", help=f"of: {', '.join(suites)} (all when none is named)")
    names = parser.parse_args().names or list(suites)
    if unknown := [name for name in names if name not in suites]:
        parser.error(f"no such suite: {', '.join(unknown)}. There are: {', '.join(suites)}")
    chosen = [suites[name] for name in suites if name in names]
    began = time.monotonic()
    try:
        debian.install(package for suite in chosen for package in suite.packages)
    except debian.MissingPackagesError as error:
        print(f"FAILED {error}")
        print("0 passed, 1 failed, 0 skipped", flush=True)
        return 1
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    adopt_orphans()
    runner = Suites(chosen)

    def stop(signum: int, frame: FrameType | None) -> None:
        runner.stop()
        sys.exit(128 + signum)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    runner.run()
    return verdict(runner, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
