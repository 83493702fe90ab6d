"""Staff at their desk, and something to moderate."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Role, User
from tests.accounts import people


@pytest.fixture
def admin() -> User:
    return people.make("boss", Role.ADMIN, display_name="The Boss")


@pytest.fixture
def moderator() -> User:
    return people.make("mona", Role.MODERATOR, display_name="Mona")


@pytest.fixture
def anna() -> User:
    return people.make("anna", display_name="Anna")


@pytest.fixture
def berta() -> User:
    return people.make("berta", display_name="Berta")


@pytest.fixture
def at_desk(moderator: User) -> Client:
    """A moderator's browser."""
    return signed_in(moderator)


@pytest.fixture
def as_admin(admin: User) -> Client:
    """An admin's browser."""
    return signed_in(admin)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
