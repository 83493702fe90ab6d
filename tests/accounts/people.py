"""People for tests, and clients that speak for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from django.db import connection
from rest_framework.test import APIClient

from accounts.models import Role, User
from accounts.services.sign_ins import Device, TokenPair, issue_tokens
from accounts.tokens import read_token

PASSWORD = "correct horse battery"


def make(username: str = "anna", role: Role = Role.USER, **fields: Any) -> User:
    """A person who can sign in."""
    fields.setdefault("display_name", username.title())
    return User.objects.create_user(username, PASSWORD, role=role, is_superuser=role == Role.ADMIN, **fields)


def signed_in(user: User, name: str = "laptop") -> TokenPair:
    """The tokens of a new sign-in."""
    return issue_tokens(user, Device(name=name))


def sid_of(pair: TokenPair) -> UUID:
    """The sign-in that tokens belong to."""
    return read_token(pair["access"]).sid


def client_of(pair: TokenPair | None = None, **headers: str) -> APIClient:
    """A client with an access token (or without)."""
    client = APIClient()
    if pair is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}", **headers)
    else:
        client.credentials(**headers)
    return client


def works(pair: TokenPair) -> bool:
    """Whether the access token still opens the profile; the refusal is asserted to be a good one."""
    answer = client_of(pair).get("/api/v1/users/me")
    if answer.status_code == 200:
        return True
    assert answer.status_code == 401, answer.content
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["code"] == "authentication_failed"
    return False


def in_threads(count: int, call: Callable[[int], Any]) -> list[Any]:
    """What ``call(number)`` gave or raised, in threads that start together."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait(10)
        try:
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(run, number) for number in range(count)]
    return [future.exception() or future.result() for future in futures]
