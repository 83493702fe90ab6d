"""The task worker as it runs: tasks are done, failures do not stop it, and it finishes before it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from tests.support import places
from tests.support.server import Server
from tests.support.services import wait_for


def enqueue(server: Server, code: str, *, ended: str = "") -> None:
    """Run ``code`` on the server's database, in one transaction that ends as ``ended`` says."""
    script = (
        "import django; django.setup()\n"
        "from django.db import transaction\n"
        "from tests.system import jobs\n"
        "try:\n"
        "    with transaction.atomic():\n"
        f"        {code}\n"
        f"        {ended or 'pass'}\n"
        "except ZeroDivisionError:\n"
        "    pass\n"
    )
    environment = {**os.environ, "PARLEY_HOME": str(server.home), "DJANGO_SETTINGS_MODULE": "config.settings"}
    for name in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(name, None)
    subprocess.run([sys.executable, "-c", script], cwd=places.ROOT, env=environment, check=True)


def test_tasks_run_once_they_are_committed(sqlite_server: Server, tmp_path: Path) -> None:
    undone, done = tmp_path / "undone", tmp_path / "done"
    enqueue(sqlite_server, f"jobs.note.enqueue({str(undone)!r}, 'no')", ended="1 / 0")
    enqueue(sqlite_server, "jobs.fail.enqueue()")
    enqueue(sqlite_server, f"jobs.note.enqueue({str(done)!r}, 'yes')")
    wait_for(done.exists, "the task after a failed one", 20)
    assert done.read_text() == "yes"
    # In the order in which they were put in, so that one would have run by now.
    assert not undone.exists()


def test_a_task_under_way_is_finished_when_the_server_stops(home: Path, tmp_path: Path) -> None:
    server = Server(home)
    server.start()
    file = tmp_path / "slow"
    enqueue(server, f"jobs.wait_and_note.enqueue({str(file)!r})")
    wait_for(file.with_suffix(".began").exists, "the task's beginning", 20)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    wait_for(lambda: "parley: stopping" in server.output(), "the server's stopping", 10)
    file.with_suffix(".go").touch()
    stopping.join(30)
    assert file.read_text() == "done"
