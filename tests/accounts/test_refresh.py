"""Refresh tokens: rotated, forgiven for 30 s, and the end of the family after that."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import refresh_tokens
from accounts.models import RefreshToken, Role, SignIn, User
from accounts.refresh_tokens import RefreshSecret
from accounts.services import sign_ins, standing
from accounts.services.sign_ins import TokenPair
from core.errors import Forbidden, SignInEnded
from tests.accounts import people

pytestmark = pytest.mark.django_db(transaction=True)

START = 1_800_000_000


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def live(pair: TokenPair) -> bool:
    return SignIn.objects.filter(pk=people.sid_of(pair), ended_at=None).exists()


def test_a_refresh_gives_a_new_pair_of_the_same_sign_in(clock: Any) -> None:
    first = people.signed_in(people.make())
    clock.shift(600)
    second = sign_ins.refresh(first["refresh"])
    assert second["refresh"] != first["refresh"]
    assert people.sid_of(second) == people.sid_of(first)
    assert people.works(second)
    clock.shift(600)
    assert people.works(second), "the new access token lives its own time"
    assert sign_ins.refresh(second["refresh"])["refresh"] not in (first["refresh"], second["refresh"])


def test_the_old_token_works_for_30_s_and_gives_the_pair_that_stands(clock: Any) -> None:
    first = people.signed_in(people.make())
    second = sign_ins.refresh(first["refresh"])
    clock.shift(30)
    again = sign_ins.refresh(first["refresh"])
    assert again["refresh"] == second["refresh"]
    assert people.works(again)
    clock.shift(0.001)
    with pytest.raises(SignInEnded):
        sign_ins.refresh(first["refresh"])


def test_a_tab_that_lags_two_behind_gets_the_newest(clock: Any) -> None:
    first = people.signed_in(people.make())
    second = sign_ins.refresh(first["refresh"])
    clock.shift(5)
    third = sign_ins.refresh(second["refresh"])
    clock.shift(10)
    assert sign_ins.refresh(first["refresh"])["refresh"] == third["refresh"]
    clock.shift(600)
    assert people.works(sign_ins.refresh(third["refresh"]))


def test_a_use_after_the_grace_ends_the_whole_family(clock: Any) -> None:
    user = people.make()
    first, bystander = people.signed_in(user), people.signed_in(user)
    second = sign_ins.refresh(first["refresh"])
    clock.shift(31)
    assert people.works(second)
    with pytest.raises(SignInEnded, match="old refresh token"):
        sign_ins.refresh(first["refresh"])
    assert not people.works(second), "its access tokens are out"
    with pytest.raises(SignInEnded):
        sign_ins.refresh(second["refresh"])
    assert not live(second)
    assert people.works(bystander), "another device of the same person goes on"


def test_a_token_whose_row_was_swept_still_ends_the_family(clock: Any) -> None:
    first = people.signed_in(people.make())
    pair = first
    for _ in range(4):
        clock.shift(600)
        pair = sign_ins.refresh(pair["refresh"])
    assert RefreshToken.objects.count() <= 2, "rows of tokens that nobody may use are swept"
    with pytest.raises(SignInEnded, match="old refresh token"):
        sign_ins.refresh(first["refresh"])
    assert not live(pair)


def test_an_unused_token_expires(clock: Any) -> None:
    pair = people.signed_in(people.make())
    clock.shift(30 * 86400)
    with pytest.raises(SignInEnded):
        sign_ins.refresh(pair["refresh"])


def test_using_it_in_time_prolongs_it(clock: Any) -> None:
    pair = people.signed_in(people.make())
    for _ in range(3):
        clock.shift(29 * 86400)
        pair = sign_ins.refresh(pair["refresh"])
    assert people.works(pair)


@pytest.mark.parametrize("bad", ["", "x", "é", "A" * 64, "A" * 65, "a.b.c", " ", "=" * 64])
@pytest.mark.django_db
def test_what_is_no_refresh_token_is_refused_without_a_query(bad: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0), pytest.raises(SignInEnded):
        sign_ins.refresh(bad)


def test_a_forged_token_neither_works_nor_ends_anything() -> None:
    pair = people.signed_in(people.make())
    genuine = refresh_tokens.parse(pair["refresh"])
    assert genuine is not None
    forged = RefreshSecret(genuine.sid, b"0" * 16).token
    assert refresh_tokens.parse(forged) is not None, "made with our key it would be genuine"
    tampered = pair["refresh"][:30] + ("A" if pair["refresh"][30] != "A" else "B") + pair["refresh"][31:]
    with pytest.raises(SignInEnded):
        sign_ins.refresh(tampered)
    assert live(pair)


def test_an_access_token_is_no_refresh_token_and_the_other_way_round() -> None:
    pair = people.signed_in(people.make())
    with pytest.raises(SignInEnded):
        sign_ins.refresh(pair["access"])
    assert not people.works({"access": pair["refresh"], "refresh": ""})


def test_of_an_unknown_sign_in() -> None:
    with pytest.raises(SignInEnded):
        sign_ins.refresh(RefreshSecret(uuid4(), b"0" * 16).token)


def test_the_banned_and_the_signed_out_cannot_go_on() -> None:
    admin, user = people.make("boss", Role.ADMIN), people.make()
    out, banned = people.signed_in(user), people.signed_in(user)
    sign_ins.end_sign_in(people.sid_of(out), reason=sign_ins.EndReason.SIGNED_OUT)
    with pytest.raises(SignInEnded):
        sign_ins.refresh(out["refresh"])
    standing.ban_user(actor=admin, user_id=user.pk, reason="spam")
    with pytest.raises(SignInEnded):
        sign_ins.refresh(banned["refresh"])
    with pytest.raises(Forbidden, match="banned"):
        people.signed_in(user)
    standing.unban_user(actor=admin, user_id=user.pk, reason="a mistake")
    with pytest.raises(SignInEnded):
        sign_ins.refresh(banned["refresh"])


def test_tabs_that_refresh_at_one_moment_get_the_same_pair() -> None:
    pair = people.signed_in(people.make())
    for _ in range(5):

        def refresh(_number: int, token: str = pair["refresh"]) -> TokenPair:
            return sign_ins.refresh(token)

        answers = people.in_threads(4, refresh)
        assert {answer["refresh"] for answer in answers} == {answers[0]["refresh"]}
        assert answers[0]["refresh"] != pair["refresh"]
        assert all(people.works(answer) for answer in answers)
        pair = answers[0]
    assert RefreshToken.objects.filter(replaced_at=None).count() == 1


def test_signing_out_everywhere_beats_a_refresh_of_the_same_moment() -> None:
    user = people.make()
    for _ in range(5):
        pair = people.signed_in(User.objects.get(pk=user.pk))

        def act(number: int, token: str = pair["refresh"]) -> Any:
            return sign_ins.end_all(user.pk) if number else sign_ins.refresh(token)

        answer, ended = people.in_threads(2, act)
        assert ended == 1
        if isinstance(answer, Exception):
            assert isinstance(answer, SignInEnded)
        else:
            assert not people.works(answer)
            with pytest.raises(SignInEnded):
                sign_ins.refresh(answer["refresh"])


def test_a_ban_beats_a_sign_in_of_the_same_moment() -> None:
    admin = people.make("boss", Role.ADMIN)
    for number in range(5):
        user = people.make(f"anna{number}")

        def act(which: int, user: User = user) -> Any:
            if which:
                return standing.ban_user(actor=admin, user_id=user.pk, reason="spam")
            return people.signed_in(user)

        answer, banned = people.in_threads(2, act)
        assert banned is None
        if isinstance(answer, Exception):
            assert isinstance(answer, Forbidden)
        else:
            assert not people.works(answer)
        assert not SignIn.objects.filter(user=user, ended_at=None).exists()


def test_rotation_costs_the_same_however_old_the_sign_in(clock: Any) -> None:
    pair = people.signed_in(people.make())
    costs = []
    for _ in range(6):
        clock.shift(600)
        with CaptureQueriesContext(connection) as queries:
            pair = sign_ins.refresh(pair["refresh"])
        costs.append(len(queries))
    assert len(set(costs[1:])) == 1
    assert max(costs) <= 15, "transaction and savepoint included"
