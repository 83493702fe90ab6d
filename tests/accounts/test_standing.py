"""Roles, partners, bans: who may, what is written down, and which caches are cleared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from accounts import selectors
from accounts.models import Partner, Role, User
from accounts.services import standing
from core.audit.models import AuditEntry
from core.errors import Conflict, Forbidden, Invalid, NotFound
from realtime import control
from realtime.close_codes import CloseCode
from tests.accounts import people

pytestmark = pytest.mark.django_db
# What follows the commit (caches, sockets) happens only where there is one.
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin() -> User:
    return people.make("boss", Role.ADMIN)


@pytest.fixture
def moderator() -> User:
    return people.make("mona", Role.MODERATOR)


@pytest.fixture
def anna() -> User:
    return people.make("anna")


@committed
def test_the_role_is_cached_and_cleared_by_the_service(
    copies: None, admin: User, anna: User, django_assert_num_queries: Any
) -> None:
    assert selectors.get_role(anna.pk) == "user"
    with django_assert_num_queries(0):
        assert selectors.get_role(anna.pk) == "user"
    User.objects.filter(pk=anna.pk).update(role="partner")
    assert selectors.get_role(anna.pk) == "user", "behind the service's back nobody clears it"
    User.objects.filter(pk=anna.pk).update(role="user")
    standing.change_role(actor=admin, user_id=anna.pk, role="moderator", reason="she is good at it")
    with django_assert_num_queries(1):
        assert selectors.get_role(anna.pk) == "moderator"


@committed
def test_the_partner_state_is_cached_and_cleared_by_the_service(
    admin: User, anna: User, django_assert_num_queries: Any
) -> None:
    assert selectors.get_partner_state(anna.pk) is None
    with django_assert_num_queries(0):
        assert selectors.get_partner_state(anna.pk) is None
    for state in Partner.State.values:
        standing.set_partner_state(actor=admin, user_id=anna.pk, state=state, reason="papers came")
        assert selectors.get_partner_state(anna.pk) == state
        with django_assert_num_queries(0):
            assert selectors.get_partner_state(anna.pk) == state


def test_the_keys_and_lifetimes_are_those_of_the_specification(anna: User) -> None:
    from core import redis as redis_

    selectors.get_role(anna.pk)
    selectors.get_partner_state(anna.pk)
    client = redis_.sync_client()
    assert 29 * 60 < client.ttl(f"stats:user:{anna.pk}:role") <= 30 * 60
    assert 4 * 60 < client.ttl(f"stats:user:{anna.pk}:partner") <= 5 * 60


def test_of_nobody_the_role_is_the_least() -> None:
    assert selectors.get_role(uuid4()) == "user"
    assert selectors.get_partner_state(uuid4()) is None


ACTS: dict[str, Callable[[User, User], None]] = {
    "role": lambda actor, user: standing.change_role(actor=actor, user_id=user.pk, role="partner", reason="x"),
    "partner": lambda actor, user: standing.set_partner_state(actor=actor, user_id=user.pk, state="active", reason="x"),
    "ban": lambda actor, user: standing.ban_user(actor=actor, user_id=user.pk, reason="x"),
    "unban": lambda actor, user: standing.unban_user(actor=actor, user_id=user.pk, reason="x"),
    "sign_out": lambda actor, user: standing.sign_out_user(actor=actor, user_id=user.pk, reason="x"),
}
FOR_MODERATORS = {"ban", "unban", "sign_out"}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("actor_role", Role.values)
@pytest.mark.parametrize("target_role", Role.values)
def test_who_may_do_what_to_whom(act: str, actor_role: str, target_role: str) -> None:
    actor, target = people.make("actor", Role(actor_role)), people.make("target", Role(target_role))
    people.make("another", Role.ADMIN)
    ordinary = target_role in ("user", "partner")
    allowed = actor_role == "admin" or (actor_role == "moderator" and act in FOR_MODERATORS and ordinary)
    before = User.objects.filter(pk=target.pk).values().get()
    if allowed:
        ACTS[act](actor, target)
        return
    with pytest.raises(Forbidden):
        ACTS[act](actor, target)
    assert User.objects.filter(pk=target.pk).values().get() == before
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("act", sorted(FOR_MODERATORS))
def test_nobody_acts_on_themselves(admin: User, act: str) -> None:
    with pytest.raises(Forbidden):
        ACTS[act](admin, admin)


@pytest.mark.parametrize("act", ACTS)
def test_the_actor_is_judged_as_they_are_now(admin: User, anna: User, act: str) -> None:
    stale = User.objects.get(pk=admin.pk)
    User.objects.filter(pk=admin.pk).update(role="user")
    with pytest.raises(Forbidden):
        ACTS[act](stale, anna)


@pytest.mark.parametrize("act", ACTS)
def test_a_banned_admin_does_nothing_more(admin: User, anna: User, act: str) -> None:
    standing.ban_user(actor=people.make("chief", Role.ADMIN), user_id=admin.pk, reason="x")
    with pytest.raises(Forbidden):
        ACTS[act](admin, anna)


@pytest.mark.parametrize("act", ACTS)
def test_of_nobody(admin: User, act: str) -> None:
    with pytest.raises(NotFound):
        ACTS[act](admin, User(pk=uuid4()))


@pytest.mark.parametrize("reason", ["", "  ", "\x00", "x" * 1001])
@pytest.mark.parametrize("act", [standing.ban_user, standing.unban_user, standing.sign_out_user])
def test_no_act_without_a_reason(admin: User, anna: User, act: Any, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        act(actor=admin, user_id=anna.pk, reason=reason)
    assert caught.value.attr == "reason"
    assert User.objects.get(pk=anna.pk).banned_at is None


def test_each_act_is_written_down_once(moderator: User, admin: User, anna: User) -> None:
    people.signed_in(anna)
    for _ in range(2):
        standing.ban_user(actor=moderator, user_id=anna.pk, reason=" spam ")
    for _ in range(2):
        standing.unban_user(actor=admin, user_id=anna.pk, reason="a mistake")
    for _ in range(2):
        standing.change_role(actor=admin, user_id=anna.pk, role="partner", reason="asked")
    entries = list(AuditEntry.objects.order_by("id").values_list("actor_name", "action", "object_id", "reason", "data"))
    who = str(anna.pk)
    assert entries == [
        ("mona", "user.ban", who, "spam", {"devices": 1}),
        ("boss", "user.unban", who, "a mistake", {}),
        ("boss", "user.role", who, "asked", {"from": "user", "to": "partner"}),
    ]


@committed
def test_a_ban_closes_the_sockets_as_banned(moderator: User, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Any] = []
    monkeypatch.setattr(control, "end_user", lambda user_id, code, **_: closed.append((user_id, code)))
    standing.ban_user(actor=moderator, user_id=anna.pk, reason="spam")
    standing.unban_user(actor=moderator, user_id=anna.pk, reason="a mistake")
    standing.sign_out_user(actor=moderator, user_id=anna.pk, reason="lost telephone")
    assert closed == [(anna.pk, CloseCode.BANNED), (anna.pk, CloseCode.TOKEN_REVOKED)]


def test_the_last_admin_stays(admin: User) -> None:
    with pytest.raises(Conflict, match="last admin"):
        standing.change_role(actor=admin, user_id=admin.pk, role="user", reason="enough")
    people.make("chief", Role.ADMIN)
    standing.change_role(actor=admin, user_id=admin.pk, role="user", reason="enough")
    assert not User.objects.get(pk=admin.pk).is_superuser


def test_a_banned_admin_does_not_count_as_one(admin: User) -> None:
    other = people.make("chief", Role.ADMIN)
    standing.ban_user(actor=admin, user_id=other.pk, reason="x")
    with pytest.raises(Conflict):
        standing.change_role(actor=admin, user_id=admin.pk, role="user", reason="enough")


@committed
def test_two_admins_who_step_down_at_one_moment() -> None:
    admins = [people.make("boss", Role.ADMIN), people.make("chief", Role.ADMIN)]

    def step_down(number: int) -> None:
        standing.change_role(actor=admins[number], user_id=admins[number].pk, role="user", reason="enough")

    results = people.in_threads(2, step_down)
    assert [type(result) for result in results if result is not None] == [Conflict]
    assert User.objects.filter(role="admin").count() == 1


@pytest.mark.parametrize("role", ["", "owner", "ADMIN", "x" * 100])
def test_unknown_roles(admin: User, anna: User, role: str) -> None:
    with pytest.raises(Invalid):
        standing.change_role(actor=admin, user_id=anna.pk, role=role, reason="x")
    with pytest.raises(Invalid):
        standing.set_partner_state(actor=admin, user_id=anna.pk, state=role, reason="x")
