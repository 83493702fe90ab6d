"""What a figure was measured on, and what the server used of it."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# User and system time in /proc/<pid>/stat, counted from the field after the command's name.
_USER, _SYSTEM = 11, 12


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS


def load() -> float:
    """How many processes wanted to run in the last minute, ours included."""
    return os.getloadavg()[0]


def facts() -> list[tuple[str, str]]:
    """Name and value, for the head of the report."""
    return [
        ("When", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Commit", _output("git", "rev-parse", "--short", "HEAD") or "unknown"),
        ("Processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("Memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"),
        ("System", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("SQLite", sqlite3.sqlite_version),
        ("PostgreSQL", _postgres()),
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()


def _postgres() -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    program = str(found[-1]) if found else shutil.which("postgres")
    return _output(program, "--version").removeprefix("postgres (PostgreSQL) ") if program else "not installed"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
