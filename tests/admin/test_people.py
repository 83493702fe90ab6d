"""The desk of people."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Partner, Role, User
from core.audit.models import AuditEntry
from tests.accounts import people

pytestmark = pytest.mark.django_db
# What follows the commit (caches, sockets) happens only where there is one.
committed = pytest.mark.django_db(transaction=True)

LIST = "/admin/accounts/user/"


def act(client: Client, user: User, name: str, **data: str) -> Any:
    return client.post(f"{LIST}{user.pk}/{name}/", {"reason": "because", **data})


def names(client: Client, **query: str) -> list[str]:
    answer: Any = client.get(LIST, query)
    assert answer.status_code == 200
    return [user.username for user in answer.context_data["cl"].result_list]


@committed
def test_a_ban_asks_why_and_then_holds(at_desk: Client, anna: User) -> None:
    pair = people.signed_in(anna)
    page = at_desk.get(f"{LIST}{anna.pk}/ban/").content.decode()
    assert "Anna" in page
    assert "cannot come back" in page
    refused = act(at_desk, anna, "ban", reason="  ")
    assert refused.status_code == 200
    assert "This field is required" in refused.content.decode()
    assert people.works(pair)
    assert act(at_desk, anna, "ban", reason="spam").status_code == 302
    assert not people.works(pair)
    entry = AuditEntry.objects.get()
    assert (entry.actor_name, entry.action, entry.reason) == ("mona", "user.ban", "spam")
    page = at_desk.get(f"{LIST}{anna.pk}/change/").content.decode()
    assert "In the audit" in page
    assert f"{LIST}{anna.pk}/unban/" in page
    assert f"{LIST}{anna.pk}/ban/" not in page
    assert act(at_desk, anna, "ban").status_code == 403, "what is done already is not offered"
    assert act(at_desk, anna, "unban").status_code == 302
    assert User.objects.get(pk=anna.pk).banned_at is None


@committed
def test_sign_out_everywhere(at_desk: Client, anna: User) -> None:
    pair = people.signed_in(anna)
    assert act(at_desk, anna, "sign-out").status_code == 302
    assert not people.works(pair)


FOR_ADMINS = {
    "role": {"role": "partner"},
    "partner": {"state": "active"},
    "password": {"password": "tomorrow never dies"},
}


@pytest.mark.parametrize("name", FOR_ADMINS)
def test_some_acts_are_for_admins(at_desk: Client, as_admin: Client, anna: User, name: str) -> None:
    before = User.objects.filter(pk=anna.pk).values().get()
    page = at_desk.get(f"{LIST}{anna.pk}/change/").content.decode()
    assert f"/{name}/" not in page
    assert at_desk.get(f"{LIST}{anna.pk}/{name}/").status_code == 403
    assert act(at_desk, anna, name, **FOR_ADMINS[name]).status_code == 403
    assert User.objects.filter(pk=anna.pk).values().get() == before
    assert f"{LIST}{anna.pk}/{name}/" in as_admin.get(f"{LIST}{anna.pk}/change/").content.decode()
    assert act(as_admin, anna, name, **FOR_ADMINS[name]).status_code == 302
    assert AuditEntry.objects.get().action == f"user.{name}"


def test_moderators_do_nothing_to_staff(at_desk: Client, admin: User, moderator: User) -> None:
    other = people.make("max", Role.MODERATOR)
    for target in (admin, moderator, other):
        page = at_desk.get(f"{LIST}{target.pk}/change/").content.decode()
        assert f"{LIST}{target.pk}/ban/" not in page
        for name in ("ban", "sign-out"):
            assert act(at_desk, target, name).status_code == 403
    assert not AuditEntry.objects.exists()


@committed
def test_a_new_password_works_and_is_judged(as_admin: Client, anna: User) -> None:
    pair = people.signed_in(anna)
    refused = act(as_admin, anna, "password", password="12345678")
    assert "too common" in refused.content.decode()
    assert people.works(pair)
    assert act(as_admin, anna, "password", password=" tomorrow never dies ").status_code == 302
    assert User.objects.get(pk=anna.pk).check_password(" tomorrow never dies ")
    assert not people.works(pair)
    assert "tomorrow" not in str(AuditEntry.objects.values().get())


def test_what_the_service_refuses_stands_at_its_field(as_admin: Client, admin: User) -> None:
    page = act(as_admin, admin, "role", role="user").content.decode()
    assert "last admin" in page
    page = act(as_admin, admin, "role", role="emperor").content.decode()
    assert "not one of the available choices" in page


def test_many_at_once(at_desk: Client, anna: User, berta: User, admin: User) -> None:
    chosen = {"action": "ban", "_selected_action": [str(user.pk) for user in (anna, berta, admin)]}
    page = at_desk.post(LIST, chosen).content.decode()
    assert "Anna" in page
    assert "Berta" in page
    assert User.objects.filter(banned_at=None).count() == 4
    answer: Any = at_desk.post(LIST, {**chosen, "reason": ""})
    assert "This field is required" in answer.content.decode()
    answer = at_desk.post(LIST, {**chosen, "reason": "a gang"}, follow=True)
    notes = [str(message) for message in answer.context["messages"]]
    assert any("The Boss" in note and "not for you" in note for note in notes)
    assert "Done: Ban – 2" in notes
    assert set(User.objects.exclude(banned_at=None)) == {anna, berta}
    assert AuditEntry.objects.filter(action="user.ban", reason="a gang").count() == 2


def test_not_too_many_at_once(at_desk: Client) -> None:
    users = [User(username=f"user{number:03}", display_name="x") for number in range(101)]
    User.objects.bulk_create(users)
    chosen = {"action": "ban", "_selected_action": [str(user.pk) for user in users], "reason": "all of them"}
    answer: Any = at_desk.post(LIST, chosen, follow=True)
    assert "at most 100" in answer.content.decode()
    assert not User.objects.exclude(banned_at=None).exists()


@pytest.mark.parametrize("name", ["role", "partner", "password"])
def test_acts_for_one_are_not_offered_for_many(as_admin: Client, anna: User, name: str) -> None:
    as_admin.post(LIST, {"action": name, "_selected_action": [str(anna.pk)], "reason": "x", **FOR_ADMINS[name]})
    assert not AuditEntry.objects.exists()


def test_search_and_filters(at_desk: Client, as_admin: Client, anna: User) -> None:
    people.make("émile", display_name="Émile Ö")
    Partner.objects.create(user=people.make("paul", Role.PARTNER), state="pending")
    act(at_desk, anna, "ban")
    assert names(at_desk, q="ÉMILE") == ["émile"]
    assert names(at_desk, q="@émile ö") == ["émile"]
    assert names(at_desk, q=str(anna.pk)) == ["anna"]
    assert names(at_desk, q=str(uuid4())) == []
    assert names(at_desk, banned="yes") == ["anna"]
    assert "anna" not in names(at_desk, banned="no")
    assert names(at_desk, role="moderator") == ["mona"]
    assert names(at_desk, partner="pending") == ["paul"]
    assert len(names(at_desk, banned="x", partner="x")) == 5


@pytest.mark.parametrize(
    "query", [{"q": "\x00"}, {"q": "%"}, {"p": "x"}, {"p": "-1"}, {"o": "99"}, {"e": "1"}, {"role": "\x00"}]
)
def test_odd_queries_are_no_errors(at_desk: Client, query: dict[str, str]) -> None:
    assert at_desk.get(LIST, query).status_code in (200, 302, 400)


@pytest.mark.parametrize("path", [f"{uuid4()}/change/", f"{uuid4()}/ban/", "x/change/", "x/ban/", "%00/ban/"])
def test_of_nobody(at_desk: Client, path: str) -> None:
    assert at_desk.get(f"{LIST}{path}").status_code in (302, 404)


def test_names_stay_text(at_desk: Client) -> None:
    nasty = people.make("nasty", display_name="<img src=x onerror=alert(1)>", signature="<script>1</script>")
    for path in (LIST, f"{LIST}{nasty.pk}/change/", f"{LIST}{nasty.pk}/ban/"):
        page = at_desk.get(path).content.decode()
        assert "<img src=x" not in page
        assert "<script>1" not in page
        assert "&lt;img src=x" in page


def test_the_list_costs_the_same_for_one_and_for_many(at_desk: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert at_desk.get(LIST).status_code == 200
        return len(queries)

    few = cost()
    for number in range(30):
        Partner.objects.create(user=people.make(f"user{number}"), state="active")
    assert cost() == few


def test_the_page_shows_devices(at_desk: Client, anna: User) -> None:
    people.signed_in(anna, "a <b>red</b> telephone")
    page = at_desk.get(f"{LIST}{anna.pk}/change/").content.decode()
    assert "a &lt;b&gt;red&lt;/b&gt; telephone" in page
