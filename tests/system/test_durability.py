"""What is acknowledged is on the disk: the databases are asked for it by the connections that write.

``kill -9`` proves that nothing waits in the process; only these settings speak of a power cut.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import places

# Asked inside an act of the change log, on the thread where a server commits.
ASK = """
import json, django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from core.log import executor
from core.log.writer import Act

call_command("migrate", verbosity=0)

def ask(writer):
    found = {}
    for name, query in settings_of[connection.vendor].items():
        with connection.cursor() as cursor:
            cursor.execute(query)
            found[name] = str(cursor.fetchone()[0]).lower()
    return found

settings_of = {
    "sqlite": {"synchronous": "PRAGMA synchronous", "journal_mode": "PRAGMA journal_mode"},
    "postgresql": {name: "SHOW " + name for name in ("fsync", "synchronous_commit", "full_page_writes")},
}
executor.start()
found = executor.execute(Act(run=ask))
executor.stop()
print(json.dumps(found))
"""
FULL = "2"


def _ask(home: Path, **env: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    kept |= {"PARLEY_HOME": str(home), "DJANGO_SETTINGS_MODULE": "config.settings", **env}
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=places.ROOT, env=kept, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_sqlite_waits_for_the_disk(home: Path) -> None:
    assert _ask(home) == {"synchronous": FULL, "journal_mode": "wal"}


@pytest.mark.usefixtures("postgres")
def test_postgresql_waits_for_the_disk(home: Path, database_url: str) -> None:
    found = _ask(home, DATABASE_URL=database_url)
    assert found == {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
