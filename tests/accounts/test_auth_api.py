"""The doors of sign-in: shapes, browsers, limits, bad input."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from rest_framework.test import APIClient

from accounts.models import Role, SignIn, User
from accounts.services import sign_ins, standing
from core import redis as redis_
from tests.accounts import people
from tests.accounts.people import PASSWORD, client_of, works

pytestmark = pytest.mark.django_db
# What follows the commit (caches, sockets) happens only where there is one.
committed = pytest.mark.django_db(transaction=True)

BROWSER = {"HTTP_X_PARLEY_CLIENT": "browser"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def post(path: str, body: Any = None, client: APIClient | None = None, **headers: Any) -> Any:
    return (client or APIClient()).post(f"/api/v1/auth/{path}", body, format="json", **headers)


def error(answer: Any) -> tuple[int, str, str | None]:
    body = answer.json()
    assert set(body) >= {"type", "errors"}
    first = body["errors"][0]
    assert set(first) == {"code", "detail", "attr"}
    assert first["detail"]
    return answer.status_code, first["code"], first["attr"]


def test_register_answers_tokens_and_the_person() -> None:
    answer = post("register", {"username": "Änna.Ö", "password": PASSWORD, "display_name": "Änna Ö"})
    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == {"access", "refresh", "user"}
    user = User.objects.get()
    assert body["user"] == {
        "id": str(user.pk),
        "username": "änna.ö",
        "display_name": "Änna Ö",
        "avatar": "",
        "role": "user",
    }
    assert works(body)
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_display_name_it_is_the_username_as_typed() -> None:
    assert post("register", {"username": "Anna", "password": PASSWORD}).json()["user"]["display_name"] == "Anna"


def test_sign_in_by_any_spelling_of_the_name() -> None:
    people.make("änna")
    for spelling in ("änna", "ÄNNA", "A\u0308nna", " änna "):
        answer = post("token", {"username": spelling, "password": PASSWORD}, HTTP_USER_AGENT=FIREFOX)
        assert answer.status_code == 200, spelling
        assert set(answer.json()) == {"access", "refresh", "user"}
    assert SignIn.objects.latest("pk").device_name == "Firefox on Linux"


def test_a_taken_name_in_another_spelling_is_taken() -> None:
    people.make("anna")
    for spelling in ("anna", "ANNA", "\uff41nna"):
        answer = post("register", {"username": spelling, "password": PASSWORD})
        assert error(answer) == (409, "conflict", "username")
    assert User.objects.count() == 1


@committed
def test_two_who_register_one_name_at_one_moment() -> None:
    answers = people.in_threads(4, lambda _: post("register", {"username": "anna", "password": PASSWORD}).status_code)
    assert sorted(answers) == [201, 409, 409, 409]
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "   "),
        ("username", None),
        ("username", 7.5),
        ("username", []),
        ("username", "a" * 65),
        ("username", "a" * 100_000),
        ("username", "an na"),
        ("username", "an\x00na"),
        ("username", "an\u200dna"),
        ("username", "an\u202ena"),
        ("username", "anna\ufe0f"),
        ("username", "\u3164"),
        ("username", "<script>"),
        ("username", "anna@example"),
        ("username", "😀"),
        ("username", "..."),
        ("username", "\ufdfa"),
        ("password", ""),
        ("password", None),
        ("password", {}),
        ("password", "short"),
        ("password", "password123"),
        ("password", "12345678"),
        ("password", "wilhelmine"),
        ("password", "good enough\x00"),
        ("password", "x" * 1001),
        ("display_name", "a\nb"),
        ("display_name", "a\x07b"),
        ("display_name", "a\u202eb"),
        ("display_name", "\u200b"),
        ("display_name", "x" * 101),
        ("display_name", {}),
    ],
)
def test_bad_registrations_say_which_field_and_write_nothing(field: str, value: Any) -> None:
    answer = post("register", {"username": "wilhelmine", "password": PASSWORD, field: value})
    status, _, attr = error(answer)
    assert (status, attr) == (400, field)
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "username", ["a", "张伟", "สมชาย", "محمد", "anna_b-c.d", "a" * 64, "1", "ǰ", "ß", "Ⅷ", "नेहा"], ids=ascii
)
def test_names_of_every_script(username: str) -> None:
    answer = post("register", {"username": username, "password": PASSWORD})
    assert answer.status_code == 201, answer.content
    kept = answer.json()["user"]["username"]
    assert User.normalize_username(kept) == kept
    assert post("token", {"username": username, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    "display_name", ["张伟 😀👩‍👩‍👧", "<b>Bold</b>", "محمد \u200fعلي", "O’Neil & Söhne", "x" * 100], ids=ascii
)
def test_display_names_are_any_text(display_name: str) -> None:
    answer = post("register", {"username": "anna", "password": PASSWORD, "display_name": display_name})
    assert answer.json()["user"]["display_name"] == display_name


def test_registration_can_be_closed(settings: Any) -> None:
    settings.PARLEY_REGISTRATION_OPEN = False
    assert error(post("register", {"username": "anna", "password": PASSWORD})) == (403, "permission_denied", None)
    assert User.objects.count() == 0


def test_wrong_passwords_and_unknown_names_are_answered_alike() -> None:
    people.make("anna")
    answers = [
        post("token", {"username": username, "password": password})
        for username, password in [
            ("anna", "wrong"),
            ("nobody", PASSWORD),
            ("no body\u200d", PASSWORD),
            ("anna", "x" * 1500),
        ]
    ]
    assert [error(answer) for answer in answers] == [(401, "authentication_failed", None)] * 4
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"


class CountingHasher(MD5PasswordHasher):
    """Counts what takes the time of a sign-in."""

    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).hashed += 1
        return super().encode(password, salt)


def test_an_unknown_name_takes_as_long_as_a_wrong_password(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.{CountingHasher.__name__}"]
    people.make("anna")
    User.objects.create_user("locked", None, display_name="Nobody's")
    for username in ("anna", "locked", "nobody", "no body", "x" * 1000):
        monkeypatch.setattr(CountingHasher, "hashed", 0)
        assert post("token", {"username": username, "password": "wrong"}).status_code == 401
        assert CountingHasher.hashed == 1, username


def test_the_banned_are_told_so_after_the_right_password_only() -> None:
    user = people.make()
    standing.ban_user(actor=people.make("boss", Role.ADMIN), user_id=user.pk, reason="secret")
    answer = post("token", {"username": "anna", "password": PASSWORD})
    assert error(answer) == (403, "permission_denied", None)
    assert "banned" in answer.json()["errors"][0]["detail"]
    assert "secret" not in answer.content.decode()
    assert error(post("token", {"username": "anna", "password": "wrong"}))[0] == 401


@pytest.mark.parametrize("path", ["register", "token", "token/refresh", "logout"])
@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b"7", b"null", b"\xff\xfe", b"\x00", b'{"refresh": 7, "username": {}}']
)
def test_broken_bodies_are_clear_errors(path: str, body: bytes) -> None:
    answer = APIClient().post(f"/api/v1/auth/{path}", body, content_type="application/json")
    assert error(answer)[0] in (400, 401), answer.content
    assert User.objects.count() == 0


def test_paths_work_with_and_without_slash_and_version() -> None:
    people.make()
    for base in ("/api/v1/auth/token", "/api/v1/auth/token/", "/api/auth/token", "/api/auth/token/"):
        answer = APIClient().post(base, {"username": "anna", "password": PASSWORD}, format="json")
        assert answer.status_code == 200, base


def test_refresh_of_other_clients() -> None:
    pair = people.signed_in(people.make())
    answer = post("token/refresh", {"refresh": pair["refresh"]})
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    assert not answer.cookies
    assert works(answer.json())
    assert error(post("token/refresh", {"refresh": "x"})) == (401, "authentication_failed", None)
    assert error(post("token/refresh", {})) == (401, "authentication_failed", None)


def browser() -> APIClient:
    people.make()
    client = APIClient()
    answer = post("token", {"username": "anna", "password": PASSWORD}, client, **BROWSER)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "user"}
    return client


def test_browsers_get_a_cookie_that_no_script_reads() -> None:
    cookie = browser().cookies["parley_refresh"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/api/v1/auth/"
    assert cookie["max-age"] == 30 * 86400
    assert not cookie["secure"]
    client = APIClient()
    post("token", {"username": "anna", "password": PASSWORD}, client, **BROWSER, secure=True)
    assert client.cookies["parley_refresh"]["secure"]


def test_browsers_refresh_by_the_cookie_and_the_header_together() -> None:
    client = browser()
    before = client.cookies["parley_refresh"].value
    assert error(post("token/refresh", {}, client)) == (401, "authentication_failed", None)
    answer = post("token/refresh", {}, client, **BROWSER)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access"}
    assert client.cookies["parley_refresh"].value != before
    assert works(answer.json())


def test_a_cookie_that_is_worth_nothing_is_taken_away() -> None:
    client = browser()
    sign_ins.end_all(User.objects.get().pk)
    answer = post("token/refresh", {}, client, **BROWSER)
    assert error(answer) == (401, "authentication_failed", None)
    assert answer.cookies["parley_refresh"].value == ""
    assert answer.cookies["parley_refresh"]["max-age"] == 0


def test_browsers_sign_out_by_the_cookie() -> None:
    client = browser()
    assert error(post("logout", {}, client)) == (401, "not_authenticated", None)
    answer = post("logout", {}, client, **BROWSER)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.cookies["parley_refresh"].value == ""
    assert not SignIn.objects.filter(ended_at=None).exists()


@committed
def test_sign_out_of_this_device() -> None:
    user = people.make()
    by_refresh, by_access, other = (people.signed_in(user) for _ in range(3))
    assert post("logout", {"refresh": by_refresh["refresh"]}).status_code == 204
    assert post("logout", {}, client_of(by_access)).status_code == 204
    assert not works(by_refresh)
    assert not works(by_access)
    assert works(other)
    assert post("logout", {"refresh": by_refresh["refresh"]}).status_code == 204, "twice is once"


@committed
def test_sign_out_everywhere() -> None:
    user = people.make()
    pairs = [people.signed_in(user) for _ in range(3)]
    assert post("logout", {"everywhere": True}, client_of(pairs[0])).status_code == 204
    assert [works(pair) for pair in pairs] == [False] * 3
    again = people.signed_in(User.objects.get())
    assert error(post("logout", {"everywhere": True, "refresh": pairs[0]["refresh"]}))[0] == 401
    assert works(again), "a dead token ends nothing"
    assert post("logout", {"everywhere": True, "refresh": again["refresh"]}).status_code == 204
    assert not works(again)


def test_sign_out_without_anything() -> None:
    assert error(post("logout", {})) == (401, "not_authenticated", None)
    assert error(post("logout", {"refresh": "x"})) == (401, "authentication_failed", None)
    assert error(post("logout", {}, HTTP_AUTHORIZATION="Bearer x")) == (401, "authentication_failed", None)


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer a b", "Bearer \udcff", "bearer x", "Basic YTpi", "Bearer " + "x" * 9000]
)
def test_odd_authorization_headers(header: str) -> None:
    answer = APIClient().get(
        "/api/v1/users/me", HTTP_AUTHORIZATION=header.encode("latin-1", "replace").decode("latin-1")
    )
    assert error(answer)[0] == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.fixture
def limits(settings: Any) -> Any:
    settings.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = False
    settings.PARLEY_RATE_LIMITS = {**settings.PARLEY_RATE_LIMITS, "sign_in": (3, 60), "register": (3, 3600)}
    return settings


def test_sign_in_is_limited_per_address(limits: Any) -> None:
    people.make()
    for number in range(3):
        assert post("token", {"username": f"nobody{number}", "password": "x"}).status_code == 401
    answer = post("token", {"username": "anna", "password": PASSWORD})
    assert error(answer) == (429, "rate_limited", None)
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.json()["limit"] == "sign_in"
    assert post("token", {"username": "anna", "password": PASSWORD}, REMOTE_ADDR="192.0.2.7").status_code == 200


def test_sign_in_is_limited_per_name_whatever_the_address_and_spelling(limits: Any) -> None:
    people.make()
    for number, name in enumerate(("anna", "ANNA", "\uff41nna")):
        answer = post("token", {"username": name, "password": "wrong"}, REMOTE_ADDR=f"192.0.2.{number}")
        assert answer.status_code == 401
    answer = post("token", {"username": "anna", "password": PASSWORD}, REMOTE_ADDR="192.0.2.9")
    assert answer.status_code == 429


def test_a_success_forgives_the_failures_before_it(limits: Any) -> None:
    people.make()
    for number in range(9):
        password = PASSWORD if number % 3 == 2 else "wrong"
        answer = post("token", {"username": "anna", "password": password}, REMOTE_ADDR=f"192.0.2.{number}")
        assert answer.status_code == (200 if password == PASSWORD else 401)


def test_those_who_know_their_password_do_not_use_up_their_address(limits: Any) -> None:
    for number in range(6):
        people.make(f"anna{number}")
        assert post("token", {"username": f"anna{number}", "password": PASSWORD}).status_code == 200


def test_registration_is_limited_but_not_its_mistakes(limits: Any) -> None:
    for _ in range(5):
        assert post("register", {"username": "anna", "password": "short"}).status_code == 400
    for number in range(3):
        assert post("register", {"username": f"anna{number}", "password": PASSWORD}).status_code == 201
    assert error(post("register", {"username": "berta", "password": PASSWORD}))[:2] == (429, "rate_limited")
    assert User.objects.count() == 3


def test_the_demo_has_no_limits_on_this_machine(limits: Any) -> None:
    limits.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = True
    for number in range(5):
        assert post("token", {"username": f"nobody{number}", "password": "x"}).status_code == 401
    answers = [post("token", {"username": "n", "password": "x"}, REMOTE_ADDR="192.0.2.7") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def test_without_redis_people_still_sign_in(limits: Any) -> None:
    people.make()
    limits.REDIS_URL = "unix:///nowhere/redis.sock"
    for _ in range(4):
        answer = post("token", {"username": "anna", "password": PASSWORD})
        assert answer.status_code == 200
    assert works(answer.json())
    redis_.breaker.reset()
