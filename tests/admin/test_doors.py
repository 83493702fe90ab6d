"""Who may open the desk, and what ends it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import Role, User
from accounts.services import sign_ins, standing
from tests.accounts import people
from tests.admin.conftest import signed_in

pytestmark = pytest.mark.django_db
# What follows the commit (caches, sockets) happens only where there is one.
committed = pytest.mark.django_db(transaction=True)

LISTS = [
    "/admin/",
    "/admin/accounts/user/",
    "/admin/chat/chatmessage/",
    "/admin/chat/chatroom/",
    "/admin/audit/auditentry/",
]


def sign_in(username: str, password: str = people.PASSWORD, **headers: Any) -> tuple[Client, Any]:
    client = Client(**headers)
    answer = client.post("/admin/login/?next=/admin/", {"username": username, "password": password})
    return client, answer


def is_open(client: Client) -> bool:
    answers = {client.get(path).status_code for path in LISTS}
    assert answers in ({200}, {302})
    return answers == {200}


@pytest.mark.parametrize("role", Role.values)
def test_only_staff_comes_in(role: str) -> None:
    people.make("anna", Role(role))
    client, answer = sign_in("ANNA")
    staff = role in ("moderator", "admin")
    assert answer.status_code == (302 if staff else 200)
    assert is_open(client) is staff


def test_nobody_and_ordinary_people_are_sent_to_the_door(anna: User) -> None:
    assert not is_open(Client())
    assert not is_open(signed_in(anna))


@pytest.mark.parametrize(("username", "password"), [("mona", "wrong"), ("nobody", "x"), ("\x00", "x"), ("", "")])
def test_wrong_passwords(moderator: User, username: str, password: str) -> None:
    client, answer = sign_in(username, password)
    assert answer.status_code == 200
    assert not is_open(client)


def test_the_door_has_the_limits_of_every_sign_in(moderator: User, settings: Any) -> None:
    settings.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = False
    settings.PARLEY_RATE_LIMITS = {**settings.PARLEY_RATE_LIMITS, "sign_in": (3, 60)}
    for number in range(3):
        sign_in("mona", "wrong", REMOTE_ADDR=f"192.0.2.{number}")
    client, answer = sign_in("mona", REMOTE_ADDR="192.0.2.9")
    assert "Too many requests" in answer.content.decode()
    assert not is_open(client)


def test_a_banned_moderator_is_out_at_once(moderator: User, admin: User) -> None:
    client, _ = sign_in("mona")
    assert is_open(client)
    standing.ban_user(actor=admin, user_id=moderator.pk, reason="left in anger")
    assert not is_open(client)
    client, answer = sign_in("mona")
    assert "banned" in answer.content.decode()
    assert not is_open(client)


def test_signing_out_everywhere_ends_the_desk_too(moderator: User) -> None:
    client, _ = sign_in("mona")
    sign_ins.end_all(moderator.pk)
    assert not is_open(client)


def test_who_is_no_longer_staff_is_out_at_once(moderator: User, admin: User) -> None:
    client, _ = sign_in("mona")
    standing.change_role(actor=admin, user_id=moderator.pk, role="user", reason="she asked for it")
    assert not is_open(client)


@pytest.mark.parametrize("model", ["accounts/user", "chat/chatmessage", "chat/chatroom", "audit/auditentry"])
@pytest.mark.parametrize("role", [Role.MODERATOR, Role.ADMIN])
def test_nothing_is_added_edited_or_deleted_but_by_acts(model: str, role: Role) -> None:
    client = signed_in(people.make("staff", role))
    user = people.make()
    assert client.post(f"/admin/{model}/add/", {}).status_code == 403
    row = user.pk if model == "accounts/user" else uuid4()
    for act in ("change", "delete"):
        assert client.post(f"/admin/{model}/{row}/{act}/", {"role": "admin", "post": "yes"}).status_code in (302, 403)
    many = {"action": "delete_selected", "_selected_action": [str(row)], "post": "yes"}
    client.post(f"/admin/{model}/", many)
    kept = User.objects.get(pk=user.pk)
    assert (kept.role, kept.display_name) == ("user", "Anna")


def test_what_does_not_belong_to_the_desk_is_not_there(as_admin: Client) -> None:
    for path in ("auth/group", "django_tasks_database/dbtaskresult", "accounts/signin", "accounts/refreshtoken"):
        assert as_admin.get(f"/admin/{path}/").status_code == 404


@committed
def test_a_new_password_of_ones_own_signs_out_all_but_this_browser(moderator: User) -> None:
    pair = people.signed_in(moderator)
    here, _ = sign_in("mona")
    there, _ = sign_in("mona")
    form = {
        "old_password": people.PASSWORD,
        "new_password1": "tomorrow never dies",
        "new_password2": "tomorrow never dies",
    }
    assert here.post("/admin/password_change/", {**form, "old_password": "x"}).status_code == 200
    assert is_open(there)
    assert here.post("/admin/password_change/", form).status_code == 302
    assert is_open(here)
    assert not is_open(there)
    assert not people.works(pair)
    assert not is_open(sign_in("mona")[0])
    assert is_open(sign_in("mona", "tomorrow never dies")[0])
