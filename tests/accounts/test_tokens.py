"""The token path: no query when warm, and nothing that outlives what it stands on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
import time_machine
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from accounts import tokens
from accounts.models import Role, User
from accounts.services import sign_ins, standing
from accounts.tokens import Principal, aauthenticate_token, authenticate_token, make_access_token
from core import cache
from core import redis as redis_
from core.errors import InvalidToken
from tests.accounts import people

pytestmark = pytest.mark.django_db(transaction=True)


def encoded(**claims: Any) -> str:
    now = int(time.time())
    full = {"token_type": "access", "jti": "x", "iat": now, "exp": now + 900, **claims}
    key = full.pop("key", settings.SIMPLE_JWT["SIGNING_KEY"])
    algorithm = full.pop("algorithm", "HS256")
    return jwt.encode({name: value for name, value in full.items() if value is not None}, key, algorithm)


def test_a_good_token_says_who_and_by_which_sign_in() -> None:
    user = people.make()
    pair = people.signed_in(user)
    principal = authenticate_token(pair["access"])
    assert principal == Principal(user.pk, people.sid_of(pair), 1, principal.exp)
    assert principal.exp == pytest.approx(time.time() + 900, abs=5)


def test_no_query_when_warm(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    pair = people.signed_in(people.make())
    with django_assert_num_queries(2):
        authenticate_token(pair["access"])
    with django_assert_num_queries(0):
        authenticate_token(pair["access"])


def test_no_query_and_no_redis_when_the_process_has_copies(
    copies: None, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = people.signed_in(people.make())
    authenticate_token(pair["access"])

    def nobody_answers() -> None:
        raise AssertionError("Redis was asked")

    monkeypatch.setattr(redis_, "sync_client", nobody_answers)
    with django_assert_num_queries(0):
        authenticate_token(pair["access"])


def test_the_signature_is_verified_once_and_the_rest_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = people.signed_in(people.make())
    authenticate_token(pair["access"])
    monkeypatch.setattr(tokens, "_decode", lambda raw: pytest.fail("decoded again"))
    authenticate_token(pair["access"])
    with time_machine.travel(time.time() + 901), pytest.raises(InvalidToken):
        authenticate_token(pair["access"])


async def test_coroutines_get_the_same_answer() -> None:
    def prepare() -> str:
        return people.signed_in(people.make())["access"]

    access = await sync_to_async(prepare)()
    principal = await aauthenticate_token(access)
    assert principal == await sync_to_async(authenticate_token)(access)
    await sync_to_async(sign_ins.end_all)(principal.user_id)
    with pytest.raises(InvalidToken):
        await aauthenticate_token(access)
    cache.threads.stop()
    await sync_to_async(connections.close_all)()
    await redis_.async_client().aclose()


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "x",
        "a.b.c",
        "é" * 20,
        "\udcff",
        "x" * 100_000,
        ".".join(["e30"] * 3),
    ],
)
@pytest.mark.django_db
def test_what_is_no_token_is_refused_without_a_query(
    bad: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0), pytest.raises(InvalidToken):
        authenticate_token(bad)


@pytest.mark.parametrize(
    "change",
    [
        {"key": "somebody else's key, which is long enough"},
        {"algorithm": "HS512"},
        {"algorithm": "none", "key": None},
        {"exp": 1},
        {"exp": None},
        {"token_type": "refresh"},
        {"token_type": None},
        {"sub": None},
        {"sub": "not-a-uuid"},
        {"sid": None},
        {"sid": 7},
        {"gen": None},
        {"gen": "x"},
    ],
    ids=str,
)
@pytest.mark.django_db
def test_forged_and_incomplete_tokens_are_refused(change: dict[str, Any]) -> None:
    user = people.make()
    pair = people.signed_in(user)
    good = {"sub": str(user.pk), "sid": str(people.sid_of(pair)), "gen": 1}
    assert authenticate_token(encoded(**good)).user_id == user.pk
    with pytest.raises(InvalidToken):
        authenticate_token(encoded(**{**good, **change}))


def test_absence_never_means_yes() -> None:
    user = people.make()
    pair = people.signed_in(user)
    with pytest.raises(InvalidToken):
        authenticate_token(make_access_token(user_id=user.pk, sid=uuid4(), gen=1))
    with pytest.raises(InvalidToken):
        authenticate_token(make_access_token(user_id=uuid4(), sid=people.sid_of(pair), gen=1))
    with pytest.raises(InvalidToken):
        authenticate_token(make_access_token(user_id=user.pk, sid=people.sid_of(pair), gen=2))


@pytest.fixture(params=["redis", "copies"])
def warm(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Warms the caches of a token: Redis alone, or the process's copies too."""
    if request.param == "copies":
        request.getfixturevalue("copies")

    def warm_up(access: str) -> None:
        authenticate_token(access)
        authenticate_token(access)

    return warm_up


def test_banned_is_out_at_once(warm: Callable[[str], None]) -> None:
    admin, user = people.make("boss", Role.ADMIN), people.make()
    pair, other = people.signed_in(user), people.signed_in(admin)
    warm(pair["access"])
    warm(other["access"])
    standing.ban_user(actor=admin, user_id=user.pk, reason="spam")
    assert not people.works(pair)
    assert people.works(other)
    standing.unban_user(actor=admin, user_id=user.pk, reason="a mistake")
    assert not people.works(pair), "tokens of before the ban stay worthless"
    assert people.works(people.signed_in(User.objects.get(pk=user.pk)))


def test_one_device_signed_out_is_out_at_once_and_alone(warm: Callable[[str], None]) -> None:
    user = people.make()
    laptop, phone = people.signed_in(user), people.signed_in(user)
    warm(laptop["access"])
    warm(phone["access"])
    sign_ins.end_sign_in(people.sid_of(laptop), reason=sign_ins.EndReason.SIGNED_OUT)
    assert not people.works(laptop)
    assert people.works(phone)


def test_everywhere_is_out_at_once(warm: Callable[[str], None]) -> None:
    user = people.make()
    laptop, phone = people.signed_in(user), people.signed_in(user)
    warm(laptop["access"])
    warm(phone["access"])
    assert sign_ins.end_all(user.pk) == 2
    assert not people.works(laptop)
    assert not people.works(phone)
    assert people.works(people.signed_in(User.objects.get(pk=user.pk)))


def test_with_redis_away_the_database_is_asked(
    settings: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = people.make()
    pair = people.signed_in(user)
    authenticate_token(pair["access"])
    settings.REDIS_URL = "unix:///tmp/B/nobody.sock"
    for _ in range(2):
        with django_assert_num_queries(2):
            authenticate_token(pair["access"])
    sign_ins.end_all(user.pk)
    with pytest.raises(InvalidToken):
        authenticate_token(pair["access"])


def test_what_redis_missed_while_it_was_away_counts_when_it_is_back(settings: Any) -> None:
    user = people.make()
    pair = people.signed_in(user)
    authenticate_token(pair["access"])
    url = settings.REDIS_URL
    settings.REDIS_URL = "unix:///tmp/B/nobody.sock"
    sign_ins.end_all(user.pk)
    settings.REDIS_URL = url
    redis_.breaker.reset()
    with pytest.raises(InvalidToken):
        authenticate_token(pair["access"])


def test_the_memory_for_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = tokens._Remembered(3)
    principal = Principal(uuid4(), uuid4(), 1, 1)
    for number in range(5):
        remembered.put(bytes([number]), principal)
        remembered.get(bytes([0]))
    assert [remembered.get(bytes([number])) is not None for number in range(5)] == [True, False, False, True, True]


def test_the_lifetime_of_a_token_is_the_setting() -> None:
    lifetime = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]
    assert lifetime == timedelta(minutes=15)


def test_queries_of_a_request_with_a_warm_token_are_the_view_alone(django_assert_num_queries: Any) -> None:
    pair = people.signed_in(people.make())
    client = people.client_of(pair)
    client.get("/api/v1/users/me")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/api/v1/users/me").status_code == 200
    (profile,) = queries.captured_queries
    assert 'FROM "accounts_user"' in profile["sql"]
