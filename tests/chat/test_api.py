"""The doors of chat: what they answer, page by page and code by code."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import Role, User
from chat.models import ChatMessage, ChatRoom
from chat.payloads import OwnRoomPayload
from chat.selectors import rooms as rooms_
from chat.services import members, messages
from core.log.epoch import begin_new_epoch, current_epoch
from tests.chat.client import committed
from tests.chat.world import BASE, World, client_of, people, person, room_of, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World.make()


def call(client: APIClient, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and body."""
    answer = getattr(client, method)(f"{BASE}/{path}", body, format="json")
    return answer.status_code, answer.json() if answer.content else None


def error_of(body: Any) -> tuple[str, str | None]:
    """Code and field of an error in the one shape."""
    assert set(body) >= {"type", "errors"}
    (entry,) = body["errors"]
    assert set(entry) == {"code", "detail", "attr"}
    return entry["code"], entry["attr"]


def seqs(page: Any) -> list[int]:
    return [message["seq"] for message in page["messages"]]


# --- rooms --------------------------------------------------------------------------------


def test_a_room_is_made_and_has_the_documented_shape(world: World) -> None:
    client = client_of(world.anna)
    status, room = call(client, "post", "rooms", {"kind": "group", "name": "New", "member_ids": [str(world.eve.pk)]})
    assert status == 201
    assert set(room) == set(OwnRoomPayload.__annotations__) - {"members"}
    assert (room["my_role"], room["unread_count"], room["members_count"], room["epoch"]) == (
        "owner", 0, 2, current_epoch(),
    )  # fmt: skip
    assert call(client, "get", f"rooms/{room['id']}") == (200, room)
    say(world.eve, UUID(room["id"]), "one")
    say(world.eve, UUID(room["id"]), "two")
    _, seen = call(client, "get", f"rooms/{room['id']}")
    assert (seen["unread_count"], seen["read_seq"], seen["last_message"]["content"]) == (2, 0, "two")


def test_a_direct_room_is_answered_again_with_200(world: World) -> None:
    body = {"kind": "direct", "member_ids": [str(world.eve.pk)]}
    status, room = call(client_of(world.anna), "post", "rooms", body)
    assert status == 201
    assert room["name"] is None
    assert {member["user"]["display_name"] for member in room["members"]} == {"Anna", "Eve"}
    again = call(client_of(world.eve), "post", "rooms", {"kind": "direct", "member_ids": [str(world.anna.pk)]})
    assert again[0] == 200
    assert again[1]["id"] == room["id"]


def test_the_list_of_rooms_is_paged_and_loses_none_that_moves() -> None:
    anna, *others = people(9)
    made = [room_of(anna, other, name=f"room {number}") for number, other in enumerate(others)]
    for room in made:
        say(anna, room)
    client = client_of(anna)
    _, first = call(client, "get", "rooms?limit=3")
    assert [room["id"] for room in first["rooms"]] == [str(room) for room in reversed(made[-3:])]
    # The one that would come last moves to the top, where nobody looks any more.
    say(others[0], made[0])
    seen = [room["id"] for room in first["rooms"]]
    cursor = first["next_cursor"]
    while cursor:
        _, page = call(client, "get", f"rooms?limit=3&cursor={cursor}")
        seen += [room["id"] for room in page["rooms"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(str(room) for room in made)


def test_the_directory_finds_public_rooms_by_words_and_pages() -> None:
    anna, ben = people(2)
    for name in ("Chess", "Cheese", "Chess club"):
        room_of(anna, kind="public", name=name)
    room_of(anna, kind="group", name="Chess in secret")
    client = client_of(ben)
    names: list[str] = []
    cursor = ""
    while True:
        _, page = call(client, "get", f"rooms?kind=public&limit=1&search=che&cursor={cursor}")
        names += [room["name"] for room in page["rooms"]]
        assert all(room["my_role"] is None for room in page["rooms"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == ["Cheese", "Chess", "Chess club"]
    assert call(client, "get", "rooms")[1]["rooms"] == []
    _, found = call(client_of(anna), "get", "rooms?search=secret")
    assert [room["name"] for room in found["rooms"]] == ["Chess in secret"]


def test_members_are_paged(world: World) -> None:
    client = client_of(world.anna)
    first = call(client, "get", f"rooms/{world.room}/members?limit=3")[1]
    rest = call(client, "get", f"rooms/{world.room}/members?limit=3&cursor={first['next_cursor']}")[1]
    found = [member["user"]["display_name"] for member in first["members"] + rest["members"]]
    assert sorted(found) == ["Anna", "Ben", "Cem", "Dia"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["x", "WyJhIl0", "%00", "WzFd", "💥", "x" * 1001])
@pytest.mark.parametrize("path", ["rooms?", "rooms?kind=public&", "rooms/{room}/members?"])
def test_a_cursor_that_is_none_is_refused(world: World, path: str, cursor: str) -> None:
    status, body = call(client_of(world.anna), "get", path.format(room=world.room) + f"cursor={cursor}")
    assert status == 400
    assert error_of(body)[1] == "cursor"


def test_a_public_room_is_visible_and_opens_by_joining() -> None:
    world = World.make(kind=ChatRoom.Kind.PUBLIC)
    client = client_of(world.eve)
    status, room = call(client, "get", f"rooms/{world.room}")
    assert (status, room["my_role"], room["unread_count"]) == (200, None, 0)
    assert call(client, "get", f"rooms/{world.room}/members")[0] == 200
    for method, path in (("get", "messages"), ("get", "changes"), ("post", "messages"), ("post", "read")):
        assert (
            call(client, method, f"rooms/{world.room}/{path}", {"content": "x"} if method == "post" else None)[0] == 403
        )
    status, joined = call(client, "post", f"rooms/{world.room}/join")
    assert (status, joined["my_role"]) == (200, "member")
    assert call(client, "post", f"rooms/{world.room}/join")[0] == 200
    assert call(client, "post", f"rooms/{world.room}/leave") == (204, None)


def test_an_invitation_goes_round(world: World) -> None:
    client = client_of(world.anna)
    status, invite = call(client, "post", f"rooms/{world.room}/invites", {"max_uses": 1})
    assert status == 201
    assert invite["url"].endswith(f"/invites/{invite['code']}")
    status, room = call(client_of(world.eve), "post", f"invites/{invite['code']}/join")
    assert (status, room["id"], room["my_role"]) == (200, str(world.room), "member")
    assert error_of(call(client_of(person("Fay")), "post", f"invites/{invite['code']}/join")[1])[0] == "not_found"


def test_members_come_change_and_go(world: World) -> None:
    client = client_of(world.anna)
    path = f"rooms/{world.room}/members"
    status, added = call(client, "post", path, {"user_ids": [str(world.eve.pk)], "role": "guest"})
    assert (status, added["members"][0]["role"]) == (201, "guest")
    status, changed = call(client, "patch", f"{path}/{world.eve.pk}", {"role": "admin"})
    assert (status, changed["role"]) == (200, "admin")
    assert call(client, "delete", f"{path}/{world.eve.pk}") == (204, None)
    assert call(client, "delete", f"{path}/{world.eve.pk}")[0] == 404


def test_a_site_admin_gives_the_reason_in_the_query_or_the_body(world: World) -> None:
    client = client_of(person("Adm", Role.ADMIN))
    path = f"rooms/{world.room}/members/{world.dia.pk}"
    assert error_of(call(client, "delete", path)[1]) == ("invalid", "reason")
    assert call(client, "delete", f"{path}?reason=spam")[0] == 204
    status, room = call(client, "patch", f"rooms/{world.room}", {"name": "Calm", "reason": "names people"})
    assert (status, room["name"], room["my_role"]) == (200, "Calm", None)
    assert call(client, "delete", f"rooms/{world.room}", {"reason": "empty"})[0] == 204


# --- messages -----------------------------------------------------------------------------


def test_pages_of_a_timeline(world: World) -> None:
    sent = [say(world.cem, world.room, str(number))["id"] for number in range(1, 10)]
    client = client_of(world.anna)
    path = f"rooms/{world.room}/messages"
    for query, expected, more in (
        ("limit=3", [7, 8, 9], True),
        ("limit=9", list(range(1, 10)), False),
        ("limit=200", list(range(1, 10)), False),
        (f"limit=3&before={sent[3]}", [1, 2, 3], False),
        (f"limit=3&before={sent[4]}", [2, 3, 4], True),
        (f"limit=3&after={sent[5]}", [7, 8, 9], False),
        (f"limit=3&after={sent[4]}", [6, 7, 8], True),
        (f"limit=3&after={sent[8]}", [], False),
        (f"limit=5&around={sent[4]}", [3, 4, 5, 6, 7], True),
        (f"limit=4&around={sent[4]}", [3, 4, 5, 6], True),
        (f"limit=1&around={sent[4]}", [5], True),
        (f"limit=9&around={sent[4]}", list(range(1, 10)), False),
    ):
        status, page = call(client, "get", f"{path}?{query}")
        assert (status, seqs(page), page["has_more"]) == (200, expected, more), query
        assert (page["offset"], page["epoch"]) == (ChatRoom.objects.get(pk=world.room).offset, current_epoch())


def test_a_timeline_is_in_its_own_order_and_not_in_that_of_arrival(world: World) -> None:
    """Messages of two installations: by (lamport, origin, id), whatever their seq."""
    rows = []
    for seq, lamport, origin in ((1, 5, "b"), (2, 5, "a"), (3, 1, "z"), (4, 5, "a")):
        rows.append(
            ChatMessage.objects.create(
                room_id=world.room, sender=world.cem, seq=seq, offset=seq, lamport=lamport, origin=origin, content="x"
            )
        )
    client = client_of(world.anna)
    order = [3, 2, 4, 1]
    assert seqs(call(client, "get", f"rooms/{world.room}/messages")[1]) == order
    for place, row in ((order.index(row.seq), row) for row in rows):
        for name, expected in (("before", order[:place]), ("after", order[place + 1 :]), ("around", order)):
            page = call(client, "get", f"rooms/{world.room}/messages?{name}={row.pk}&limit=50")[1]
            assert seqs(page) == expected


def test_places_that_are_none(world: World) -> None:
    other = say(world.anna, room_of(world.anna))["id"]
    mine = say(world.anna, world.room)["id"]
    client = client_of(world.anna)
    for query, attr in (
        (f"before={other}", "before"), (f"after={uuid4()}", "after"), ("around=x", "around"),
        ("limit=0", "limit"), ("limit=201", "limit"), ("limit=abc", "limit"), ("limit=1e3", "limit"),
        (f"before={mine}&after={mine}", "non_field_errors"),
    ):  # fmt: skip
        status, body = call(client, "get", f"rooms/{world.room}/messages?{query}")
        assert (status, error_of(body)[1]) == (400, attr), query


def test_sending_answers_201_and_a_repeat_200(world: World) -> None:
    client = client_of(world.cem)
    status, first = call(client, "post", f"rooms/{world.room}/messages", {"content": "x", "client_id": "c"})
    assert status == 201
    assert call(client, "post", f"rooms/{world.room}/messages", {"content": "y", "client_id": "c"}) == (200, first)
    status, answer = call(client, "post", f"rooms/{world.room}/messages/", {"content": "y", "reply_to": first["id"]})
    assert (status, answer["reply_to"]["id"]) == (201, first["id"])


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "content"), ({"content": None}, "content"), ({"content": 5}, "content"), ({"content": True}, "content"),
        ({"content": ["x"]}, "content"), ({"content": {"a": 1}}, "content"), ({"content": ""}, "content"),
        ({"content": "nul\x00"}, "content"), ({"content": "a" * 100_001}, "content"),
        ({"content": "x", "client_id": 5}, "client_id"), ({"content": "x", "client_id": "c" * 65}, "client_id"),
        ({"content": "x", "reply_to": "no id"}, "reply_to"), ({"content": "x", "reply_to": 7}, "reply_to"),
        ({"content": "x", "type": "dance"}, "type"), ({"content": "x", "type": 1}, "type"),
        ({"content": "x", "metadata": "m"}, "metadata"), ({"content": "x", "metadata": {"a": "\x00"}}, "metadata"),
        ({"content": "x", "attachments": [str(UUID(int=1))]}, "attachments"),
        ({"content": "x", "attachments": "a"}, "attachments"),
    ],
)  # fmt: skip
def test_bodies_that_are_none(world: World, body: Any, attr: str) -> None:
    status, answer = call(client_of(world.cem), "post", f"rooms/{world.room}/messages", body)
    assert (status, error_of(answer)[1]) == (400, attr)
    assert not ChatMessage.objects.exists()


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b'"x"', b"\xff\xfe", b'{"content": "\\ud800"}', b"null"])
def test_broken_json(world: World, body: bytes) -> None:
    answer = client_of(world.cem).post(f"{BASE}/rooms/{world.room}/messages", body, content_type="application/json")
    assert answer.status_code == 400
    error_of(answer.json())


def test_edits_and_recalls(world: World) -> None:
    client = client_of(world.cem)
    message = say(world.cem, world.room, "one")["id"]
    status, edited = call(client, "put", f"messages/{message}", {"content": "two", "version": 1})
    assert (status, edited["version"]) == (200, 2)
    assert call(client, "get", f"messages/{message}") == (200, edited)
    status, conflict = call(client, "put", f"messages/{message}", {"content": "three", "version": 1})
    assert (status, error_of(conflict)[0], conflict["current"]) == (409, "version_conflict", edited)
    status, history = call(client, "get", f"messages/{message}/history")
    assert [(entry["old_content"], entry["new_content"]) for entry in history["edits"]] == [("one", "two")]
    assert call(client, "delete", f"messages/{message}") == (204, None)
    assert call(client, "get", f"messages/{message}")[1]["is_deleted"]
    assert call(client, "get", f"messages/{message}/history")[0] == 403
    moderator = person("Mod", Role.MODERATOR)
    staff = client_of(moderator)
    assert call(staff, "get", f"messages/{message}/history")[0] == 404
    with committed():
        members.add_members(actor_id=world.anna.pk, room_id=world.room, user_ids=[moderator.pk])
    status, trace = call(staff, "get", f"messages/{message}/history")
    assert status == 200, trace
    assert [entry["new_content"] for entry in trace["edits"]] == ["two", ""]
    for version in ("1", 1.5, True, 0, 2**80):
        assert call(client, "put", f"messages/{message}", {"content": "x", "version": version})[0] == 400


def test_reading_by_either_path(world: World) -> None:
    for _ in range(3):
        say(world.anna, world.room)
    client = client_of(world.cem)
    status, read = call(client, "post", f"rooms/{world.room}/read", {"seq": 1})
    assert (status, read["unread_count"], read["updated"]) == (200, 2, 1)
    status, read = call(client, "patch", "messages/mark-read", {"conversation_id": str(world.room)})
    assert (status, read["unread_count"], read["updated"]) == (200, 0, 2)
    for seq in ("1", -1, 1.5, True, 2**80):
        assert call(client, "post", f"rooms/{world.room}/read", {"seq": seq})[0] == 400


# --- changes ------------------------------------------------------------------------------


def test_changes_go_on_where_a_page_of_messages_ends(world: World) -> None:
    say(world.cem, world.room, "one")
    client = client_of(world.anna)
    page = call(client, "get", f"rooms/{world.room}/messages")[1]
    sent = say(world.cem, world.room, "two")
    path = f"rooms/{world.room}/changes?after={page['offset']}&epoch={page['epoch']}"
    status, changes = call(client, "get", path)
    assert status == 200
    assert changes == {
        "changes": [{"offset": sent["offset"], "event": "message:created", "payload": {"message": sent}}],
        "offset": sent["offset"],
        "epoch": page["epoch"],
        "has_more": False,
    }


def test_lost_positions(world: World) -> None:
    head = say(world.cem, world.room)["offset"]
    client = client_of(world.anna)
    old = current_epoch()
    for query in (f"after={head + 1}", "after=0&epoch=other", f"after={2**62}"):
        status, body = call(client, "get", f"rooms/{world.room}/changes?{query}")
        assert (status, error_of(body)[0], body["epoch"]) == (410, "position_lost", old), query
        assert call(client, "get", f"me/changes?{query}")[0] == 410
    begin_new_epoch()
    assert call(client, "get", f"rooms/{world.room}/changes?after=0&epoch={old}")[0] == 410
    for query, attr in (("after=-1", "after"), ("after=x", "after"), ("limit=0", "limit"), (f"after={2**70}", "after")):
        status, body = call(client, "get", f"rooms/{world.room}/changes?{query}")
        assert (status, error_of(body)[1]) == (400, attr)


def test_ones_own_changes(world: World) -> None:
    client = client_of(world.eve)
    start = call(client, "get", "me/changes")[1]["offset"]
    room = room_of(world.anna, world.eve)
    say(world.anna, room)
    call(client, "post", f"rooms/{room}/read", {"seq": 1})
    _, page = call(client, "get", f"me/changes?after={start}")
    assert [(change["event"], change["payload"]) for change in page["changes"]] == [
        ("room:added", {"room_id": str(room)}),
        ("conversation:changed", {"conversation": {"id": str(room), "read_seq": 1}}),
    ]


@pytest.mark.parametrize("name", ["x", "1", "00000000-0000-0000-0000-00000000000g", "{id}", "%00", "urn:uuid:{id}"])
def test_what_is_no_id_is_not_found(world: World, name: str) -> None:
    client = client_of(world.anna)
    name = name.replace("{id}", world.room.hex)
    for method, path in (
        ("get", f"rooms/{name}"), ("get", f"rooms/{name}/messages"), ("get", f"rooms/{name}/changes"),
        ("post", f"rooms/{name}/join"), ("get", f"messages/{name}"), ("delete", f"messages/{name}"),
        ("patch", f"rooms/{world.room}/members/{name}"),
    ):  # fmt: skip
        status, body = call(client, method, path, {"role": "admin"} if method == "patch" else None)
        assert (status, error_of(body)[0]) == (404, "not_found"), path


def test_unread_is_the_naive_count(world: World) -> None:
    """Messages past the read position, less one's own; a recalled one counts until it was passed."""
    people_: tuple[User, ...] = (world.anna, world.ben, world.cem)
    for number in range(12):
        sent = say(people_[number * 7 % 3], world.room)
        if number % 4 == 0:
            messages.recall_message(actor_id=world.anna.pk, message_id=UUID(sent["id"]))
        if number == 8:
            call(client_of(world.dia), "post", f"rooms/{world.room}/read", {"seq": 5})
    for user in (*people_, world.dia):
        membership = rooms_.get_membership(world.room, user.pk)
        assert membership is not None
        naive = ChatMessage.objects.filter(room=world.room, seq__gt=membership.read_seq).exclude(sender=user).count()
        assert call(client_of(user), "get", f"rooms/{world.room}")[1]["unread_count"] == naive
    assert naive == 7


def test_sends_are_limited(world: World, settings: Any) -> None:
    settings.PARLEY_RATE_LIMITS = {**settings.PARLEY_RATE_LIMITS, "send": (2, 60)}
    settings.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = False
    client = client_of(world.cem)
    codes = [call(client, "post", f"rooms/{world.room}/messages", {"content": "x"})[0] for _ in range(3)]
    assert codes == [201, 201, 429]
    answer = client.post(f"{BASE}/rooms/{world.room}/messages", {"content": "x"}, format="json")
    assert int(answer.headers["Retry-After"]) > 0
    assert error_of(answer.json())[0] == "rate_limited"
    assert call(client, "get", f"rooms/{world.room}/messages")[0] == 200


def test_the_schema_describes_every_door_and_its_errors_without_a_warning() -> None:
    GENERATOR_STATS.reset()
    make: Any = SchemaGenerator
    schema = make().get_schema(request=None, public=True)
    assert not GENERATOR_STATS
    paths = schema["paths"]
    assert set(paths["/api/v1/rooms/{room_id}/messages"]["post"]["responses"]) == {
        "200", "201", "400", "401", "403", "404", "409", "413", "429", "503",
    }  # fmt: skip
    assert "410" in paths["/api/v1/rooms/{room_id}/changes"]["get"]["responses"]
    # The polls are answered ahead of Django, and described by hand.
    for door in [door for path, door in paths.items() if not path.endswith("/meta")]:
        for operation in door.values():
            refusals = [answer for code, answer in operation["responses"].items() if code >= "400"]
            assert refusals
            for answer in refusals:
                assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
