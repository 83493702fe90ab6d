"""The linter's lists and the installed apps say the same: no app is forgotten."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from tests.house.tree import CODE
from tests.support.places import ROOT

CONFIG: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in CONFIG["importlinter"]["contracts"]}
APPS = {name.partition(".")[0] for name in settings.LOCAL_APPS}


def modules(layer: str) -> set[str]:
    """The modules of a line such as ``(inbox) | (sync)``."""
    return set(re.findall(r"[\w.]+", layer))


def test_every_app_has_its_floor() -> None:
    floors = {module for layer in CONTRACTS["floors"]["layers"] for module in modules(layer)}
    assert floors == APPS | {"config"}
    assert set(CONFIG["importlinter"]["root_packages"]) == floors
    assert set(CODE) == floors


def test_every_app_with_services_has_its_rooms_checked() -> None:
    with_services = {app for app in APPS if (ROOT / app / "services").exists() or (ROOT / app / "services.py").exists()}
    assert set(CONTRACTS["rooms"]["containers"]) == with_services


def test_every_room_that_does_not_serve_is_kept_from_writing() -> None:
    """A new room or helper of an app either is a service or may not append to the log."""
    sources = set(CONTRACTS["writers"]["source_modules"])
    # What has no act of its own: names, texts, and how a door is hung.
    helpers = {"__init__", "apps", "migrations", "raw_routes", "services", "urls"}
    for app in CONTRACTS["rooms"]["containers"]:
        rooms = {
            path.stem for path in (ROOT / app).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
        }
        missing = {f"{app}.{room}" for room in rooms - helpers} - sources
        assert not missing, f"pyproject.toml, contract 'writers': add {sorted(missing)}"


def test_the_type_checker_sees_every_package() -> None:
    assert set(CODE) <= set(CONFIG["mypy"]["files"])


@pytest.mark.django_db
def test_the_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
