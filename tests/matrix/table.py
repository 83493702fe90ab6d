"""Reads ``table.txt``: who gets which answer at which door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.cast import PARTS

PATH = Path(__file__).with_name("table.txt")


@dataclass(frozen=True, slots=True)
class Row:
    """A door (by name), a variant of the request, and the answer for each part; ``-``: no such case."""

    door: str
    variant: str
    answers: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.door} {self.variant}".rstrip()


def format_row(door: str, variant: str, answers: Mapping[str, str]) -> str:
    """A row as it stands in the file."""
    method, _, path = door.partition(" ")
    cells = " ".join(f"{answers[part]:>10}" for part in PARTS)
    return f"{method:<6} {path:<50} {variant or '.':<8}{cells}"


def read_table() -> list[Row]:
    """All rows. Raises ValueError for a line that is not one, or stands there twice."""
    rows: dict[str, Row] = {}
    for number, line in enumerate(PATH.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        method, path, variant, *answers = line.split()
        if method == "PUSH":
            # The event is the third word of a push.
            path, variant, answers = f"{path} {variant}", answers[0], answers[1:]
        if len(answers) != len(PARTS):
            raise ValueError(f"line {number} has {len(answers)} answers for {len(PARTS)} parts")
        row = Row(f"{method} {path}", variant.strip("."), dict(zip(PARTS, answers, strict=True)))
        if str(row) in rows:
            raise ValueError(f"line {number} repeats {row}")
        rows[str(row)] = row
    return list(rows.values())
