"""Where one is signed in, and what the person's own stream says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import SignIn, User
from accounts.services import sign_ins
from core import clock
from core.log.readers import read_changes
from realtime import control
from tests.accounts import people

pytestmark = pytest.mark.django_db
# What follows the commit (caches, sockets) happens only where there is one.
committed = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/users/me/devices"


@pytest.fixture
def anna() -> User:
    return people.make()


def events(user: User, after: int = 0) -> list[tuple[str, Any]]:
    changes = read_changes(user.stream, after=after, limit=50).changes
    return [
        (change["event"], {key: value for key, value in change["payload"].items() if key not in ("offset", "epoch")})
        for change in changes
    ]


def test_the_list_shows_ones_own_live_devices_latest_first(anna: User) -> None:
    phone, laptop = people.signed_in(anna, "phone"), people.signed_in(anna, "laptop")
    ended, stranger = people.signed_in(anna, "old"), people.signed_in(people.make("berta"))
    sign_ins.end_sign_in(people.sid_of(ended), reason=sign_ins.EndReason.SIGNED_OUT)
    stale = people.signed_in(anna, "stale")
    SignIn.objects.filter(pk=people.sid_of(stale)).update(last_seen_at=clock.now() - timedelta(days=31))
    body = people.client_of(phone).get(PATH).json()
    assert body["next_cursor"] is None
    assert [(device["name"], device["current"]) for device in body["devices"]] == [("laptop", False), ("phone", True)]
    assert [device["id"] for device in body["devices"]] == [str(people.sid_of(pair)) for pair in (laptop, phone)]
    assert set(body["devices"][0]) == {
        "id",
        "name",
        "user_agent",
        "created_at",
        "last_seen_at",
        "ended_at",
        "current",
    }
    assert str(people.sid_of(stranger)) not in str(body)


def test_the_device_that_asks_gets_a_name(anna: User) -> None:
    pair = people.signed_in(anna, "")
    answer: Any = people.client_of(pair).post(PATH, {"name": " Anna's 📱 "}, format="json")
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["current"]) == ("Anna's 📱", True)
    assert events(anna)[-1][0] == "device:changed"
    assert events(anna)[-1][1]["device"]["name"] == "Anna's 📱"


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "\x07"}, {"name": "x" * 101}, {"name": 7}, {"name": None}])
def test_bad_names(anna: User, body: dict[str, Any]) -> None:
    answer: Any = people.client_of(people.signed_in(anna)).post(PATH, body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "name")


@committed
def test_signing_a_device_out_ends_it_at_once_with_its_sockets(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Any] = []
    monkeypatch.setattr(control, "end_sign_in", lambda sid, **_: closed.append(sid))
    phone, laptop = people.signed_in(anna, "phone"), people.signed_in(anna, "laptop")
    sid = people.sid_of(phone)
    for _ in range(2):
        assert people.client_of(laptop).delete(f"{PATH}/{sid}").status_code == 204
    assert not people.works(phone)
    assert people.works(laptop)
    assert closed[0] == sid
    ended = [payload for event, payload in events(anna) if event == "session:ended"]
    assert ended == [{"device_id": str(sid), "reason": "removed"}], "and is told once"


@pytest.mark.parametrize("device_id", [str(uuid4()), "x", "%00", "a" * 300])
def test_of_nobody(anna: User, device_id: str) -> None:
    assert people.client_of(people.signed_in(anna)).delete(f"{PATH}/{device_id}").status_code == 404


def test_other_peoples_devices_are_not_there(anna: User) -> None:
    other = people.signed_in(people.make("berta"))
    answer = people.client_of(people.signed_in(anna)).delete(f"{PATH}/{people.sid_of(other)}")
    assert answer.status_code == 404
    assert people.works(other)


def test_the_own_stream_tells_sign_ins_and_their_ends_without_a_gap(anna: User) -> None:
    first, second = people.signed_in(anna, "one"), people.signed_in(anna, "two")
    sign_ins.end_all(anna.pk)
    page = read_changes(anna.stream, after=0, limit=50)
    assert [change["offset"] for change in page.changes] == [1, 2, 3, 4]
    assert [event for event, _ in events(anna)] == ["device:changed"] * 2 + ["session:ended"] * 2
    ids = [str(people.sid_of(pair)) for pair in (first, second)]
    assert [payload["device"]["id"] for _, payload in events(anna)[:2]] == ids
    assert [payload["reason"] for _, payload in events(anna)[2:]] == ["everywhere"] * 2


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "Chrome on Android"),
        ("python-httpx/0.28", ""),
        ("", ""),
        ("\x00\x1b[31m", ""),
    ],
)
def test_browsers_are_named_by_what_they_say_of_themselves(anna: User, user_agent: str, name: str) -> None:
    client = APIClient()
    client.post(
        "/api/v1/auth/token",
        {"username": "anna", "password": people.PASSWORD},
        format="json",
        HTTP_USER_AGENT=user_agent,
    )
    sign_in = SignIn.objects.get()
    assert sign_in.device_name == name
    assert "\x00" not in sign_in.user_agent
