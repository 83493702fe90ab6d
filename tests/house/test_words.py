"""What must stand in one place only, or nowhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import cache_keys, errors
from core.errors import ParleyError
from scripts import docs
from tests.house.tree import CODE, files, parsed, place, strings, tracked
from tests.support.places import ROOT

MAX_LINES = 450

# The registries' hosts, written so that this file does not name them.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
    )
]


def test_no_cache_key_is_written_out_elsewhere() -> None:
    keys = [value for value in vars(cache_keys).values() if isinstance(value, cache_keys.CacheKey)]
    channels = [value for value in vars(cache_keys).values() if isinstance(value, str) and value.startswith("parley:")]
    prefixes = tuple({key.template.partition("{")[0] for key in keys} | set(channels))
    assert all(len(prefix) >= 5 for prefix in prefixes)
    home = Path(cache_keys.__file__)
    found = [
        f"{place(path, line)}: {value!r}"
        for path in files(".py", below=CODE)
        if path != home
        for line, value in strings(path)
        if value.startswith(prefixes)
    ]
    assert found == []


def error_codes() -> set[str]:
    """The codes of the one list."""

    def below(kind: type[ParleyError]) -> Iterator[type[ParleyError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return {str(kind.default_code) for kind in below(ParleyError) if kind.__module__ == errors.__name__}


def test_no_error_code_is_written_out_elsewhere() -> None:
    codes = error_codes()
    assert {"position_lost", "rate_limited", "not_found"} <= codes
    telling = {code for code in codes if "_" in code}
    home = Path(errors.__file__)
    found = []
    for path in files(".py", below=CODE):
        if path == home:
            continue
        found += [f"{place(path, line)}: {value!r}" for line, value in strings(path) if value in telling]
        # Codes that are also plain words count where they are used as codes.
        found += [place(path, line) for line in plain_codes(parsed(path), codes - telling)]
    assert found == []


def plain_codes(tree: ast.AST, codes: set[str]) -> Iterator[int]:
    """Lines with ``code="invalid"`` or ``{"code": "invalid"}``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Dict):
            pairs = [(getattr(key, "value", None), value) for key, value in zip(node.keys, node.values, strict=True)]
        else:
            continue
        for name, value in pairs:
            if name == "code" and isinstance(value, ast.Constant) and value.value in codes:
                yield node.lineno


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    generated = set(docs_paths())
    long = {
        place(path, len(path.read_text().splitlines()))
        for path in files(".py", ".js", ".css", ".html")
        if path not in generated and len(path.read_text().splitlines()) > MAX_LINES
    }
    assert long == set()


def docs_paths() -> Iterator[Path]:
    """The files that `make docs` writes."""
    yield from docs.generate()


def test_no_file_names_a_package_registry() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes()
        found += [f"{path.relative_to(ROOT)}: {host}" for host in HOSTS if host.encode() in text]
    assert found == []


def test_the_lock_file_has_no_addresses() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a type: ignore without its error and reason", re.compile(r"# type: ignore(?!\[[\w, -]+\]  # \S)")),
        ("a noqa without a reason", re.compile(r"# noqa(?!: E402$|: [A-Z0-9, ]+ - \S)")),
        ("work that was put off", re.compile(r"\b(?:TODO|FIXME|XXX)\b")),
    ],
)
def test_nothing_is_silenced_or_put_off_without_a_word(what: str, pattern: re.Pattern[str]) -> None:
    found = [
        place(path, number)
        for path in files(".py", ".js", ".css", ".html")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == [], what


def test_generated_pages_say_what_the_code_says() -> None:
    stale = [str(path.relative_to(ROOT)) for path, text in docs.generate().items() if not _is(path, text)]
    assert stale == [], "run 'make docs' and commit what it writes"


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text
