"""Children end with their parent, and what an earlier supervisor left is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops import processes
from ops.problems import StartProblem
from ops.processes import Child, Spec
from tests.support import places
from tests.support.services import wait_for

SLEEPER = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
STUBBORN = [
    *(sys.executable, "-S", "-c"),
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("run", "logs"):
        (tmp_path / name).mkdir()
    return tmp_path


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_is_named_by_its_pid_file_while_it_runs(folder: Path) -> None:
    child = Child(Spec("sleeper", SLEEPER), home=folder, capture=True)
    child.start()
    assert int((folder / "run" / "sleeper.pid").read_text()) == child.pid
    child.terminate()
    assert child.wait(10)
    assert not (folder / "run" / "sleeper.pid").exists()
    assert child.exit_code() == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_killed(folder: Path) -> None:
    child = Child(Spec("stubborn", STUBBORN), home=folder, capture=True)
    child.start()
    wait_for(lambda: child.last_output() == "up", "the child's start")
    child.terminate()
    assert not child.wait(0.2)
    assert child.exit_code() == -signal.SIGKILL


PARENT = """
import sys, time
from pathlib import Path
from ops.processes import Child, Spec
sleeper = Spec("orphan", [sys.executable, "-S", "-c", "import time; time.sleep(600)"])
Child(sleeper, home=Path(sys.argv[1]), capture=True).start()
time.sleep(600)
"""


def test_a_child_dies_when_its_parent_is_killed(folder: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], cwd=places.ROOT)
    pid_file = folder / "run" / "orphan.pid"
    wait_for(pid_file.exists, "the child's start")
    orphan = int(pid_file.read_text())
    assert alive(orphan)
    parent.kill()
    parent.wait()
    wait_for(lambda: not alive(orphan), "the orphan's end", 10)


def test_what_an_earlier_start_left_is_ended(folder: Path) -> None:
    child = Child(Spec("stubborn", STUBBORN), home=folder, capture=True)
    child.start()
    wait_for(lambda: child.last_output() == "up", "the child's start")
    processes.end_leftovers(folder, patience=0.3)
    assert child.exit_code() == -signal.SIGKILL
    assert not (folder / "run" / "stubborn.pid").exists()


def test_a_stranger_with_the_number_of_a_leftover_is_left_alone(folder: Path) -> None:
    stranger = subprocess.Popen(SLEEPER)
    (folder / "run" / "web-0.pid").write_text(str(stranger.pid))
    (folder / "run" / "web-1.pid").write_text("not a number")
    (folder / "run" / "web-2.pid").write_text(str(os.getpid()))
    processes.end_leftovers(folder, patience=0.3)
    assert stranger.poll() is None
    assert list((folder / "run").glob("*.pid")) == []
    stranger.kill()
    stranger.wait()


def test_a_data_folder_has_one_server(folder: Path) -> None:
    lock = processes.take_folder(folder)
    processes.write_pid(folder / "run" / "serve.pid", 4711)
    with pytest.raises(StartProblem, match=r"already runs on .* \(process 4711\)"):
        processes.take_folder(folder)
    lock.close()
    processes.take_folder(folder).close()
