"""One's own profile, other people, search and batches."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import selectors
from accounts.models import Partner, Role, User
from accounts.services import profile, standing
from chat.services.rooms import create_room
from core.log.writer import Writer
from tests.accounts import people

pytestmark = pytest.mark.django_db

DOCUMENTED = {
    "user_id",
    "name",
    "avatar",
    "signature",
    "follower_count",
    "following_count",
    "video_count",
    "is_verified",
    "is_friend",
    "platform",
}


@pytest.fixture
def anna() -> User:
    return people.make("anna", display_name="Anna Ö")


@pytest.fixture
def client(anna: User) -> APIClient:
    return people.client_of(people.signed_in(anna))


def get(client: APIClient, path: str, **query: Any) -> Any:
    answer: Any = client.get(f"/api/v1/users{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def refused(answer: Any, status: int, attr: str | None = None) -> bool:
    first = answer.json()["errors"][0]
    return bool(answer.status_code == status and first["attr"] == attr and first["detail"])


def test_a_profile_shows_all_that_is_ones_own(client: APIClient, anna: User) -> None:
    body = get(client, "/me")
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": str(anna.pk),
        "username": "anna",
        "display_name": "Anna Ö",
        "avatar": "",
        "role": "user",
        "signature": "",
        "locale": "en",
        "timezone": "UTC",
        "privacy": {},
        "partner_state": None,
    }


def test_what_is_given_is_changed_and_nothing_else(client: APIClient, anna: User) -> None:
    change = {
        "display_name": "  安娜 ",
        "avatar": "https://example.org/a.png",
        "signature": "شعر",
        "locale": "zh-Hans",
        "timezone": "Asia/Shanghai",
        "privacy": {"last_seen": "nobody"},
    }
    body = client.patch("/api/v1/users/me", change, format="json").json()
    assert {key: body[key] for key in change} == {**change, "display_name": "安娜"}
    body = client.patch("/api/v1/users/me", {"signature": "", "role": "admin", "username": "x"}, format="json").json()
    assert (body["signature"], body["role"], body["username"], body["display_name"]) == ("", "user", "anna", "安娜")
    assert get(client, "/me") == body


def test_privacy_is_merged(client: APIClient) -> None:
    client.patch("/api/v1/users/me", {"privacy": {"a": True, "b": "x"}}, format="json")
    body = client.patch("/api/v1/users/me", {"privacy": {"b": None, "c": 1}}, format="json").json()
    assert body["privacy"] == {"a": True, "c": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", ""),
        ("display_name", None),
        ("display_name", 7),
        ("display_name", "a\u2028b"),
        ("display_name", "x" * 101),
        ("display_name", "a\x00b"),
        ("avatar", "javascript:alert(1)"),
        ("avatar", "data:text/html,x"),
        ("avatar", "//evil.example/a.png"),
        ("avatar", "/\\evil.example/a.png"),
        ("avatar", "https://"),
        ("avatar", "https://[x"),
        ("avatar", "https://a b"),
        ("avatar", "a.png"),
        ("avatar", "https://example.org/" + "x" * 500),
        ("signature", "x" * 301),
        ("signature", "a\nb"),
        ("locale", ""),
        ("locale", "english!"),
        ("locale", "en_US"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../etc/passwd"),
        ("timezone", None),
        ("privacy", []),
        ("privacy", {"a": {}}),
        ("privacy", {"a": "\x00"}),
        ("privacy", {"a": "x" * 3000}),
        ("privacy", None),
    ],
)
def test_bad_changes_say_which_field_and_write_nothing(client: APIClient, anna: User, field: str, value: Any) -> None:
    before = User.objects.filter(pk=anna.pk).values().get()
    answer = client.patch("/api/v1/users/me", {"signature": "new", field: value}, format="json")
    assert refused(answer, 400, field), answer.content
    assert User.objects.filter(pk=anna.pk).values().get() == before


def test_others_see_the_documented_keys_and_no_secret(client: APIClient) -> None:
    berta = people.make("berta", signature="hello", privacy={"secret": True}, timezone="Asia/Tokyo")
    body = get(client, f"/{berta.pk}")
    assert set(body) == DOCUMENTED | {"id", "username", "display_name", "role"}
    assert body["user_id"] == body["id"] == str(berta.pk)
    assert (body["name"], body["platform"], body["follower_count"]) == ("Berta", "parley", None)
    assert (body["is_verified"], body["is_friend"]) == (False, False)


def test_only_an_active_partner_is_verified(client: APIClient) -> None:
    admin, berta = people.make("boss", Role.ADMIN), people.make("berta")
    for state in Partner.State.values:
        standing.set_partner_state(actor=admin, user_id=berta.pk, state=state, reason="checked")
        assert get(client, f"/{berta.pk}")["is_verified"] is (state == "active")


def test_who_is_a_friend_says_whoever_knows(client: APIClient, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    berta, carl = people.make("berta"), people.make("carl")
    monkeypatch.setattr(selectors, "_friends_among", [])
    selectors.register_friends(lambda viewer, ids: {berta.pk} & set(ids) if viewer == anna.pk else set())
    assert get(client, f"/{berta.pk}")["is_friend"]
    assert not get(client, f"/{carl.pk}")["is_friend"]


def test_a_friend_is_whom_one_has_a_direct_room_with(client: APIClient, anna: User) -> None:
    berta, carl = people.make("berta"), people.make("carl")
    create_room(actor_id=berta.pk, kind="direct", member_ids=[anna.pk])
    create_room(actor_id=anna.pk, kind="group", name="Garden", member_ids=[carl.pk])
    ids = [str(user.pk) for user in (anna, berta, carl)]
    users = client.post("/api/v1/users/batch", {"user_ids": ids}, format="json").json()["users"]
    assert [user["is_friend"] for user in users] == [False, True, False]


@pytest.mark.parametrize("user_id", [str(uuid4()), "x", "0", "me2", str(uuid4()).replace("-", ""), "a" * 300, "%00"])
def test_of_nobody(client: APIClient, user_id: str) -> None:
    assert refused(client.get(f"/api/v1/users/{user_id}"), 404)


def test_a_batch_keeps_the_order_and_names_the_missing(client: APIClient, anna: User) -> None:
    berta, nobody = people.make("berta"), str(uuid4())
    asked = [str(berta.pk), "x", nobody, str(anna.pk), str(berta.pk)]
    for body in (
        client.post("/api/v1/users/batch", {"user_ids": asked}, format="json").json(),
        get(client, "/batch", user_ids=",".join(asked)),
    ):
        assert [user["id"] for user in body["users"]] == [str(berta.pk), str(anna.pk)]
        assert body["missing"] == ["x", nobody]


@pytest.mark.parametrize("ids", [None, [], "x", [7], ["x"] * 201])
def test_bad_batches(client: APIClient, ids: Any) -> None:
    answer: Any = client.post("/api/v1/users/batch", {"user_ids": ids}, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"].startswith("user_ids")


def test_too_many_ids_in_a_query(client: APIClient) -> None:
    assert refused(client.get("/api/v1/users/batch", {"user_ids": ",".join("x" * 201)}), 400, "user_ids")
    assert refused(client.get("/api/v1/users/batch"), 400, "user_ids")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["anna", "berta", "émile", "张伟"]),
        ("ANN", ["anna"]),
        ("ö", ["anna"]),
        ("Ö", ["anna"]),
        ("ÉMILE", ["émile"]),
        ("e\u0301mile", ["émile"]),
        ("伟", ["张伟"]),
        ("柏林", ["berta"]),
        ("anna ö", ["anna"]),
        ("ö anna", ["anna"]),
        ("%", []),
        ("_", []),
        ("nobody", []),
        ("carl", []),
    ],
)
def test_search_folds_case_and_forms_in_every_script(client: APIClient, search: str, found: list[str]) -> None:
    people.make("berta", display_name="柏林 Berta")
    people.make("émile")
    people.make("张伟")
    carl = people.make("carl")
    standing.ban_user(actor=people.make("boss", Role.ADMIN), user_id=carl.pk, reason="spam")
    names = [user["username"] for user in get(client, "", search=search)["users"]]
    assert sorted(set(names) - {"boss"}) == sorted(found)


def test_search_pages_meet_everyone_once(client: APIClient) -> None:
    for number in range(7):
        people.make(f"user{number}")
    seen: list[str] = []
    cursor: str | None = ""
    for _ in range(4):
        page = get(client, "", limit=3, cursor=cursor, search="user")
        seen += [user["username"] for user in page["users"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"user{number}" for number in range(7)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "x"),
        ("cursor", "x"),
        ("cursor", "é"),
        ("cursor", "WzFd"),
        ("cursor", "WyJcdTAwMDAiXQ"),
        ("cursor", "bnVsbA"),
        ("cursor", "x" * 2000),
        ("search", "x" * 101),
        ("search", "\x00"),
    ],
)
def test_bad_queries(client: APIClient, name: str, value: str) -> None:
    assert refused(client.get("/api/v1/users", {name: value}), 400, name)


def test_lists_cost_the_same_for_one_and_for_many(client: APIClient, anna: User) -> None:
    def cost() -> list[int]:
        ids = [str(pk) for pk in User.objects.values_list("pk", flat=True)]
        counts = []
        for call in (
            lambda: get(client, ""),
            lambda: client.post("/api/v1/users/batch", {"user_ids": ids}, format="json"),
        ):
            with CaptureQueriesContext(connection) as queries:
                call()
            counts.append(len(queries))
        return counts

    people.make("zoe")
    get(client, "")
    one = cost()
    for number in range(20):
        Partner.objects.create(user=people.make(f"user{number}"), state="active")
    assert cost() == one == [2, 2], "the people, and which of them are friends"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("get", "/me"),
        ("patch", "/me"),
        ("get", "/me/devices"),
        ("post", "/me/devices"),
        ("delete", f"/me/devices/{uuid4()}"),
        ("get", f"/{uuid4()}"),
        ("get", "/batch"),
        ("post", "/batch"),
    ],
)
def test_nobody_looks_in_without_a_token(method: str, path: str) -> None:
    answer: Any = getattr(APIClient(), method)(f"/api/v1/users{path}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_who_keeps_copies_of_cards_is_told_within_the_act(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []

    def hook(w: Writer, card: Any) -> None:
        told.append((card["display_name"], card["avatar"]))

    monkeypatch.setattr(profile, "_card_hooks", [])
    profile.on_card_changed(hook)
    profile.update_profile(user_id=anna.pk, signature="x", locale="de")
    profile.update_profile(user_id=anna.pk, display_name="Anna Ö")
    assert told == []
    profile.update_profile(user_id=anna.pk, display_name="Anna")
    profile.update_profile(user_id=anna.pk, avatar="/a.png")
    assert told == [("Anna", ""), ("Anna", "/a.png")]
    assert User.objects.get(pk=anna.pk).search_name == "anna anna"


def test_cards_cost_one_query(anna: User, django_assert_num_queries: Any) -> None:
    berta, nobody = people.make("berta"), uuid4()
    with django_assert_num_queries(1):
        cards = selectors.get_user_cards([anna.pk, berta.pk, nobody])
    assert set(cards) == {anna.pk, berta.pk}
    assert cards[anna.pk] == {"id": str(anna.pk), "display_name": "Anna Ö", "avatar": ""}
    assert selectors.get_user_card(UUID(int=0)) is None
