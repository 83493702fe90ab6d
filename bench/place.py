"""The server under measurement: the whole installation in a throwaway folder, as ``make run`` starts it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench import machine
from tests.support.server import Server

ROOT = Path(__file__).resolve().parent.parent
QUERIES = re.compile(r"^parley_db_queries_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
# Tokens must outlive the longest measurement.
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "bench.settings", "ACCESS_TOKEN_SECONDS": "86400"}


@dataclass(frozen=True)
class World:
    """What was put into the installation."""

    rooms: list[str]
    tokens: list[str]
    users: list[str]


class Place:
    """An installation to measure; ``with Place() as place``."""

    def __init__(self, *, database_url: str = "", workers: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="parley-b-"))
        self._database_url = database_url
        self.server = Server(self.folder, database_url=database_url, workers=workers, env=ENVIRONMENT)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    def seed(self, *, rooms: int, members: int, history: int = 0) -> World:
        """Put people and rooms into it."""
        env = os.environ | ENVIRONMENT | {"PARLEY_HOME": str(self.folder), "LOG_TO": "file"}
        env.pop("REDIS_URL", None)
        env.pop("DATABASE_URL", None)
        if self._database_url:
            env["DATABASE_URL"] = self._database_url
        arguments = ["--rooms", str(rooms), "--members", str(members), "--history", str(history)]
        command = [sys.executable, "-m", "bench.seed", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"seeding failed:\n{done.stderr[-2000:]}")
        return World(**json.loads(done.stdout))

    def queries(self) -> int:
        """How many queries the server's processes have asked so far, as they count them themselves."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text = answer.read().decode()
        return int(sum(float(value) for value in QUERIES.findall(text)))

    def cpu(self) -> float:
        """Processor seconds that the web worker has used so far."""
        return machine.cpu_seconds(self.server.pid("web-0"))
