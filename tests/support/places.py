"""Where a test run keeps its data, and what it runs against.

Every pytest process has a folder of its own (with xdist: one per worker), below one that the run
throws away at its end. ``PARLEY_TEST_BACKEND`` is ``sqlite`` (with the embedded Valkey, the default)
or ``postgres`` (a real PostgreSQL, with Debian's Redis).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RUN_VARIABLE = "PARLEY_TEST_RUN"
POSTGRES_VARIABLE = "PARLEY_TEST_POSTGRES"


def backend() -> str:
    """``sqlite`` or ``postgres``."""
    name = os.environ.get("PARLEY_TEST_BACKEND", "sqlite")
    if name not in {"sqlite", "postgres"}:
        raise ValueError(f"PARLEY_TEST_BACKEND is {name!r}; it may be sqlite or postgres")
    return name


def worker() -> str:
    """``gw0`` and so on under xdist, else ``main``."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def run_folder() -> Path:
    """The folder of this run. The first process of it makes one; those that it starts inherit it."""
    if RUN_VARIABLE not in os.environ:
        # Short: the paths of Unix sockets below it may have 107 bytes.
        os.environ[RUN_VARIABLE] = tempfile.mkdtemp(prefix="parley-t-")
        Path(os.environ[RUN_VARIABLE]).chmod(0o755)
    return Path(os.environ[RUN_VARIABLE])


def home() -> Path:
    """``PARLEY_HOME`` of this pytest process."""
    path = run_folder() / worker()
    path.mkdir(exist_ok=True)
    return path
