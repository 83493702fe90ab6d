"""The tracked files, and what Python says in them."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.places import ROOT

# Where the product's own Python lives.
CODE = ("accounts", "chat", "config", "core", "ops", "realtime")


@functools.cache
def tracked() -> tuple[Path, ...]:
    """Every file that is, or is about to be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return tuple(path for name in names if name and (path := ROOT / name).is_file())


def files(*suffixes: str, below: tuple[str, ...] = ()) -> Iterator[Path]:
    """Tracked files by suffix, below these top folders (all when none is given); no migrations."""
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        if path.suffix in suffixes and "migrations" not in parts and (not below or parts[0] in below):
            yield path


@functools.cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text())


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """(line, value) of every string of a Python file, the parts of f-strings too, but no docstrings."""
    tree = parsed(path)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def place(path: Path, line: int) -> str:
    """How a finding is told."""
    return f"{path.relative_to(ROOT)}:{line}"
