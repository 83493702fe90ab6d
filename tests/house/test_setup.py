"""Setting a checkout up: understood by an old Python, clear about what is missing, idle when all is there."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
import time
from types import ModuleType

import pytest

from tests.support.places import ROOT

SCRIPT = ROOT / "scripts" / "setup.py"


@pytest.fixture
def setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_script", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["setup.py", "vendor.py"])
def test_an_old_python_can_read_it_and_say_that_it_is_too_old(name: str) -> None:
    ast.parse((ROOT / "scripts" / name).read_text(), feature_version=(3, 6))


def test_a_python_that_is_too_old_is_told_with_a_way_out(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "MIN_PYTHON", (99, 0))
    monkeypatch.setattr(sys, "argv", ["setup.py"])
    with pytest.raises(SystemExit, match=r"needs Python 99\.0 or newer.*make run PYTHON="):
        setup.main()


def test_a_step_that_fails_shows_the_end_of_its_output(setup: ModuleType) -> None:
    command = [sys.executable, "-c", "print('the registry is away'); raise SystemExit(1)"]
    with pytest.raises(setup.TroubleError, match=r"Installing failed.*\n.*the registry is away"):
        setup.run(command, "Installing")


def test_where_everything_is_there_it_does_nothing() -> None:
    command = [sys.executable, str(SCRIPT), "--dev"]
    subprocess.run(command, check=True, capture_output=True)
    began = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == ""
    assert time.monotonic() - began < 5


def test_the_browser_libraries_name_each_other_by_paths() -> None:
    vendor = ROOT / "static" / "vendor"
    imports = json.loads((vendor / "imports.json").read_text())
    assert {"lit", "idb"} <= set(imports)
    for path in imports.values():
        assert (ROOT / "static" / path).is_file()
    for module in vendor.rglob("*.js"):
        text = module.read_text()
        assert "sourceMappingURL" not in text
        for name in names_imported(text):
            assert name.startswith("."), f"{module} imports {name}"
            assert (module.parent / name).is_file(), f"{module} imports {name}"


def names_imported(text: str) -> list[str]:
    """What the statements that the copying writes name."""
    parts = text.split(" from '")[1:]
    return [part.partition("'")[0] for part in parts]
