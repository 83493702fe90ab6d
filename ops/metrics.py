"""``/metrics``: numbers of all processes of this installation in Prometheus' text form.

Each process keeps its numbers in files of its own below ``PARLEY_HOME/run/metrics`` (the
multiprocess mode of prometheus-client); whoever is asked adds them up.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# prometheus-client looks for it when it is first imported: without it numbers stay in the process.
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def _folder(home: Path) -> Path:
    return home / "run" / "metrics"


def shared_environment(home: Path) -> dict[str, str]:
    """What children get so that their numbers are added up; those of an earlier start are forgotten."""
    folder = _folder(home)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    return {_VARIABLE: str(folder)}


def forget_process(home: Path, pid: int) -> None:
    """Take back what only a living process can say (open sockets); counters stay."""
    for path in _folder(home).glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def render() -> bytes:
    """The numbers of all processes, as text; those of other processes may be a second old."""
    from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess

    from core import counters

    counters.tell_all()
    folder = os.environ.get(_VARIABLE)
    if folder is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]  # it has no types
    return generate_latest(registry)
