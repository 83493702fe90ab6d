"""The desk of messages and rooms, and the page of the audit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from chat.models import ChatMessage, ChatRoom
from chat.services.messages import edit_message, recall_message, send_message
from chat.services.rooms import create_room
from core import clock, desk
from core.audit.models import AuditEntry
from core.audit.services import record
from core.errors import Forbidden
from core.ids import first_of, uuid7
from core.log.readers import read_changes
from tests.accounts import people

pytestmark = pytest.mark.django_db

MESSAGES = "/admin/chat/chatmessage/"
ROOMS = "/admin/chat/chatroom/"
AUDIT = "/admin/audit/auditentry/"


@pytest.fixture
def room(anna: User, berta: User) -> ChatRoom:
    made = create_room(actor_id=anna.pk, kind="group", name="Garden", member_ids=[berta.pk])
    return ChatRoom.objects.get(pk=made.room_id)


def send(sender: User, room_id: UUID, content: str) -> ChatMessage:
    result = send_message(sender_id=sender.pk, room_id=room_id, content=content)
    return ChatMessage.objects.get(pk=result.message["id"])


def found(client: Client, path: str = MESSAGES, **query: str) -> list[Any]:
    answer: Any = client.get(path, query)
    assert answer.status_code == 200
    return list(answer.context_data["cl"].result_list)


def test_a_recall_is_seen_by_everybody_and_written_down(at_desk: Client, anna: User, room: ChatRoom) -> None:
    message = send(anna, room.pk, "a telephone number")
    head = ChatRoom.objects.get().offset
    address = f"{MESSAGES}{message.pk}/recall/"
    assert "a telephone number" in at_desk.get(address).content.decode()
    assert at_desk.post(address, {"reason": ""}).status_code == 200
    assert ChatMessage.objects.get().content == "a telephone number"
    assert at_desk.post(address, {"reason": "private"}).status_code == 302
    (change,) = read_changes(room.stream, after=head, limit=9).changes
    assert change["event"] == "message:recalled"
    assert change["payload"]["message"]["is_deleted"]
    assert ChatMessage.objects.get().content == ""
    entry = AuditEntry.objects.get()
    assert (entry.actor_name, entry.action, entry.object_id) == ("mona", "message.recall", str(message.pk))
    assert "telephone" not in str(entry.data)
    page = at_desk.get(f"{MESSAGES}{message.pk}/change/").content.decode()
    assert "a telephone number" in page, "moderators still see what stood there"
    assert address not in page
    assert at_desk.post(address, {"reason": "again"}).status_code == 403


def test_many_are_recalled_at_once(at_desk: Client, anna: User, room: ChatRoom) -> None:
    chosen = [send(anna, room.pk, f"spam {number}") for number in range(3)]
    kept = send(anna, room.pk, "no spam")
    recall_message(actor_id=anna.pk, message_id=chosen[0].pk)
    form = {"action": "recall", "_selected_action": [str(message.pk) for message in chosen]}
    assert "spam 2" in at_desk.post(MESSAGES, form).content.decode()
    answer: Any = at_desk.post(MESSAGES, {**form, "reason": "spam"}, follow=True)
    notes = [str(note) for note in answer.context["messages"]]
    assert len(notes) == 2
    assert "Done: Recall – 2" in notes
    assert list(ChatMessage.objects.filter(deleted_at=None)) == [kept]


def test_freezing_and_thawing(at_desk: Client, berta: User, room: ChatRoom) -> None:
    assert at_desk.post(f"{ROOMS}{room.pk}/freeze/", {"reason": "a quarrel"}).status_code == 302
    with pytest.raises(Forbidden):
        send(berta, room.pk, "and another thing")
    assert at_desk.post(f"{ROOMS}{room.pk}/freeze/", {"reason": "again"}).status_code == 403
    assert at_desk.post(f"{ROOMS}{room.pk}/thaw/", {"reason": "they made up"}).status_code == 302
    send(berta, room.pk, "sorry")
    assert list(AuditEntry.objects.order_by("pk").values_list("reason", flat=True)) == ["a quarrel", "they made up"]


def test_rooms_are_deleted_by_admins_alone(at_desk: Client, as_admin: Client, anna: User, room: ChatRoom) -> None:
    send(anna, room.pk, "last words")
    address = f"{ROOMS}{room.pk}/delete-room/"
    assert at_desk.post(address, {"reason": "x"}).status_code == 403
    answer = as_admin.post(address, {"reason": "empty for years"})
    assert (answer.status_code, answer.headers["Location"]) == (302, ROOMS)
    assert not ChatRoom.objects.exists()
    assert AuditEntry.objects.get().action == "room.delete"


def test_direct_rooms_have_the_names_of_their_people_and_stay(as_admin: Client, anna: User, berta: User) -> None:
    room_id = create_room(actor_id=anna.pk, kind="direct", member_ids=[berta.pk]).room_id
    page = as_admin.get(ROOMS).content.decode()
    assert "Anna" in page
    assert "Berta" in page
    assert f"{ROOMS}{room_id}/delete-room/" not in as_admin.get(f"{ROOMS}{room_id}/change/").content.decode()
    assert as_admin.post(f"{ROOMS}{room_id}/delete-room/", {"reason": "x"}).status_code == 403


def test_search_by_words_senders_and_ids(at_desk: Client, anna: User, berta: User, room: ChatRoom) -> None:
    hers, his = send(anna, room.pk, "The roses bloom"), send(berta, room.pk, "what of the ROSES? 玫瑰")
    assert found(at_desk, q="roses") == [his, hers]
    assert found(at_desk, q="roses bloom") == [hers]
    assert found(at_desk, q="玫瑰") == [his]
    assert found(at_desk, q="@ANNA roses") == [hers]
    assert found(at_desk, q="@nobody") == []
    assert found(at_desk, q=str(his.pk)) == [his]
    assert found(at_desk, q=str(room.pk)) == [his, hers]
    assert found(at_desk, q=f"{berta.pk}") == [his]
    assert found(at_desk, ROOMS, q="gard") == [room]
    assert found(at_desk, ROOMS, q=str(room.pk)) == [room]
    assert found(at_desk, ROOMS, q=str(uuid4())) == []


def test_filters(at_desk: Client, anna: User, room: ChatRoom) -> None:
    live, edited, recalled = (send(anna, room.pk, f"message {number}") for number in range(3))
    edit_message(actor_id=anna.pk, message_id=edited.pk, content="changed")
    recall_message(actor_id=anna.pk, message_id=recalled.pk)
    assert found(at_desk, state="edited") == [edited]
    assert found(at_desk, state="recalled") == [recalled]
    assert found(at_desk, state="live") == [edited, live]
    assert found(at_desk, state="x") == [recalled, edited, live]
    ChatMessage.objects.filter(pk=live.pk).update(id=first_of(clock.now() - timedelta(days=2)))
    assert len(found(at_desk, since="day")) == 2
    assert len(found(at_desk, since="week")) == 3
    assert found(at_desk, ROOMS, kind__exact="group") == [room]
    assert found(at_desk, ROOMS, is_frozen__exact="1") == []


def test_ids_sort_by_time() -> None:
    assert first_of(clock.now() - timedelta(seconds=1)) < uuid7() < first_of(clock.now() + timedelta(seconds=1))
    assert first_of(clock.now()).version == 7


def test_the_trace_shows_what_edits_replaced(at_desk: Client, anna: User, room: ChatRoom) -> None:
    message = send(anna, room.pk, "the first words")
    edit_message(actor_id=anna.pk, message_id=message.pk, content="the second words")
    page = at_desk.get(f"{MESSAGES}{message.pk}/change/").content.decode()
    assert "the first words" in page
    assert "the second words" in page


def test_html_stays_text(at_desk: Client, anna: User, room: ChatRoom) -> None:
    message = send(anna, room.pk, "<script>alert(1)</script> & <b>bold</b>")
    edit_message(actor_id=anna.pk, message_id=message.pk, content="<img src=x onerror=alert(2)>")
    for path in (MESSAGES, f"{MESSAGES}{message.pk}/change/", f"{MESSAGES}{message.pk}/recall/"):
        page = at_desk.get(path).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


@pytest.mark.parametrize("path", [MESSAGES, ROOMS, AUDIT])
def test_lists_cost_the_same_for_few_and_for_many(
    at_desk: Client, anna: User, berta: User, room: ChatRoom, path: str
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert at_desk.get(path).status_code == 200
        return len(queries)

    def add(number: int) -> None:
        other = people.make(f"user{number}")
        direct = create_room(actor_id=other.pk, kind="direct", member_ids=[berta.pk]).room_id
        send(other, direct, "hello")
        create_room(actor_id=other.pk, kind="group", name=f"Group {number}", member_ids=[anna.pk, berta.pk])
        record(actor=other, action="user.ban", object_type="user", object_id=anna.pk, reason="x")

    add(0)
    few = cost()
    for number in range(1, 15):
        add(number)
    assert cost() == few


def test_the_list_does_not_carry_long_texts(at_desk: Client, anna: User, room: ChatRoom) -> None:
    send(anna, room.pk, "x" * 90_000)
    page = at_desk.get(MESSAGES).content
    assert b"x" * 120 + "…".encode() in page
    assert b"x" * 200 not in page


def test_lists_count_no_further_than_they_page(
    at_desk: Client, anna: User, room: ChatRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "MAX_COUNTED", 60)
    for number in range(70):
        send(anna, room.pk, f"message {number}")
    with CaptureQueriesContext(connection) as queries:
        answer: Any = at_desk.get(MESSAGES)
    assert answer.context_data["cl"].result_count == 60
    assert len(answer.context_data["cl"].result_list) == 50
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and "chat_chatmessage" in query["sql"]]
    assert counts
    assert all("LIMIT 60" in sql for sql in counts)
    assert len(found(at_desk, p="2")) == 10


def test_the_page_of_a_large_room_lists_some_members(at_desk: Client, anna: User) -> None:
    others = [people.make(f"user{number:02}") for number in range(55)]
    room_id = create_room(actor_id=anna.pk, kind="group", name="Hall", member_ids=[user.pk for user in others]).room_id
    page = at_desk.get(f"{ROOMS}{room_id}/change/").content.decode()
    assert "and 6 more" in page


def test_the_audit_is_read_with_links_to_what_it_is_about(at_desk: Client, anna: User) -> None:
    record(actor=anna, action="user.ban", object_type="user", object_id=anna.pk, reason="<b>spam</b>")
    record(actor=None, action="site.odd", object_type="site", object_id=1, reason="no page of its own")
    page = at_desk.get(AUDIT).content.decode()
    assert f"/admin/accounts/user/{anna.pk}/change/" in page
    assert "&lt;b&gt;spam" in page
    assert len(found(at_desk, AUDIT, q="spam")) == 1
    assert len(found(at_desk, AUDIT, action="site.odd")) == 1
    (entry,) = found(at_desk, AUDIT, action="user.ban")
    assert at_desk.get(f"{AUDIT}{entry.pk}/change/").status_code == 200
    assert "spam" in at_desk.get("/admin/").content.decode(), "the first page shows what was done lately"
