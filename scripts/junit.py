"""Reading what test runners report in JUnit's XML."""

from __future__ import annotations

import fnmatch
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Counts:
    """How the tests of a suite, or of several, went."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    # "name: reason" of each skipped test.
    skips: list[str] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Count the other's too."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.skips += other.skips

    @property
    def ran(self) -> int:
        """How many tests gave a verdict."""
        return self.passed + self.failed


def read(path: Path) -> Counts:
    """The counts of a report; all zero when the file is missing or broken off."""
    counts = Counts()
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - our own test runners wrote it a moment ago
    except (OSError, ET.ParseError):
        return counts
    for case in root.iter("testcase"):
        name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            counts.failed += 1
        elif skipped is not None:
            counts.skipped += 1
            counts.skips.append(f"{name}: {skipped.get('message') or skipped.text or 'no reason'}")
        else:
            counts.passed += 1
    return counts


def read_allowed(path: Path) -> list[str]:
    """The patterns of tests that may be skipped: one a line, then two spaces and the reason."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    rows = [line.split("  ", 1) for line in lines if line and not line.startswith("#")]
    for row in rows:
        if len(row) < 2:
            raise ValueError(f"{path}: '{row[0]}' has no reason")
    return [row[0] for row in rows]


def forbidden_skips(counts: Counts, allowed: list[str]) -> list[str]:
    """The skipped tests that no pattern allows."""
    return [skip for skip in counts.skips if not any(fnmatch.fnmatch(skip, f"{pattern}*") for pattern in allowed)]
