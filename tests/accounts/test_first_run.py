"""The first account: by a link that works once, and never beside an admin."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts.models import Role, User
from accounts.services import first_run
from core.audit.models import AuditEntry
from core.errors import Forbidden, Invalid
from tests.accounts import people

pytestmark = pytest.mark.django_db
# What follows the commit (caches, sockets) happens only where there is one.
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> Path:
    settings.PARLEY_HOME = tmp_path
    return tmp_path


def new_token() -> str:
    link = first_run.first_run_link("http://127.0.0.1:8000/")
    assert link is not None
    assert link.startswith("http://127.0.0.1:8000/first-run?token=")
    return parse_qs(urlsplit(link).query)["token"][0]


def create(token: str, **fields: str) -> User:
    return first_run.create_first_admin(token=token, **{"username": "boss", "password": people.PASSWORD, **fields})


def test_the_link_makes_one_admin_and_ends() -> None:
    token = new_token()
    user = create(token, display_name="The Boss")
    assert (user.role, user.display_name, user.is_superuser) == ("admin", "The Boss", True)
    entry = AuditEntry.objects.get()
    assert (entry.actor_id, entry.actor_name, entry.action) == (None, "the system", "user.first_admin")
    with pytest.raises(Forbidden):
        create(token, username="second")
    assert first_run.first_run_link("http://x") is None
    assert User.objects.count() == 1


def test_only_the_digest_is_kept(home: Path) -> None:
    token = new_token()
    (kept,) = [path for path in home.rglob("*") if path.is_file()]
    assert token not in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_a_new_link_ends_the_old_one() -> None:
    old, new = new_token(), new_token()
    with pytest.raises(Forbidden):
        create(old)
    create(new)


@pytest.mark.parametrize("token", ["", "x", "\udcff", "é"])
def test_wrong_tokens(token: str) -> None:
    with pytest.raises(Forbidden):
        create(token)
    new_token()
    with pytest.raises(Forbidden):
        create(token)
    assert not User.objects.exists()


def test_a_mistake_in_the_form_does_not_use_the_link_up() -> None:
    token = new_token()
    with pytest.raises(Invalid):
        create(token, password="short")
    create(token)


def test_an_admin_made_otherwise_ends_the_link() -> None:
    token = new_token()
    people.make("boss2", Role.ADMIN)
    with pytest.raises(Forbidden):
        create(token)


@committed
def test_two_who_use_it_at_one_moment() -> None:
    token = new_token()
    results = people.in_threads(2, lambda number: create(token, username=f"boss{number}"))
    assert sorted(isinstance(result, User) for result in results) == [False, True]
    assert User.objects.count() == 1
