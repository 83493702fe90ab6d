"""The tests themselves: every one is run by a suite, none sleeps, none is switched off."""

from __future__ import annotations

import ast
from pathlib import Path

from scripts import suites
from tests.house.tree import files, parsed, place
from tests.support.places import ROOT

TESTS = ROOT / "tests"
# Waits with a deadline, and waits of servers for themselves.
MAY_SLEEP = {TESTS / "support" / "services.py"}


def test_every_folder_of_tests_is_run_by_a_suite() -> None:
    words = {word for suite in suites.all_suites() for word in suite.command}
    folders = {path.parent for path in TESTS.rglob("test_*.py")} | {path.parent for path in TESTS.rglob("*.test.js")}
    for folder in folders:
        name = f"tests/{folder.relative_to(TESTS).parts[0]}"
        assert any(word == name or word.startswith(f"{name}/") for word in words), f"no suite runs {name}"


def test_every_test_stands_in_a_file_that_is_collected() -> None:
    for path in files(".py", below=("tests",)):
        has_tests = any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
            for node in parsed(path).body
        )
        assert not has_tests or path.name.startswith("test_"), f"{path.relative_to(ROOT)} is not collected"
    for path in files(".js", below=("tests",)):
        has_tests = '"node:test"' in path.read_text()
        assert not has_tests or path.name.endswith(".test.js"), f"{path.relative_to(ROOT)} is not collected"


def test_no_two_suites_share_a_name() -> None:
    names = [suite.name for suite in suites.all_suites()]
    assert len(names) == len(set(names))


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of an expression, or an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def test_no_test_sleeps_or_is_switched_off() -> None:
    """A test waits for a condition with a deadline; a skipped test proves nothing."""
    found = []
    for path in files(".py", below=("tests",)):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Attribute):
                name = dotted(node)
                sleeps = name == "time.sleep" and path not in MAY_SLEEP
                if sleeps or name.startswith(("pytest.mark.skip", "pytest.mark.xfail")) or name == "pytest.skip":
                    found.append(f"{place(path, node.lineno)}: {name}")
    assert found == []


def test_a_skipped_test_needs_leave(tmp_path: Path) -> None:
    from scripts import junit

    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.a" name="test_one"/>'
        '<testcase classname="tests.a" name="test_two"><skipped message="no disk"/></testcase>'
        '<testcase classname="tests.a" name="test_three"><failure/></testcase></testsuite></testsuites>'
    )
    counts = junit.read(report)
    assert (counts.passed, counts.failed, counts.skipped) == (1, 1, 1)
    assert junit.forbidden_skips(counts, []) == ["tests.a::test_two: no disk"]
    assert junit.forbidden_skips(counts, ["tests.a::test_two"]) == []
    (tmp_path / "allowed.txt").write_text("# a comment\ntests.a::test_two  needs a disk\n")
    assert junit.read_allowed(tmp_path / "allowed.txt") == ["tests.a::test_two"]
