"""The demo: there once, believable, and only where it may be."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Role, User
from accounts.services.credentials import check_credentials
from chat.management.commands import demo
from chat.models import ChatMessage, ChatRoom, Membership, MessageEdit
from core import clock
from core.log import readers

pytestmark = pytest.mark.django_db


def run() -> str:
    out = io.StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def test_it_is_made_once_and_says_how_to_sign_in() -> None:
    said = run()
    rooms, messages = ChatRoom.objects.count(), ChatMessage.objects.count()
    assert rooms >= 10
    assert messages >= 200
    assert run() == said
    assert (ChatRoom.objects.count(), ChatMessage.objects.count()) == (rooms, messages)
    assert demo.PASSWORD in said
    for person in demo.PEOPLE:
        assert person.username in said
        assert check_credentials(username=person.username, password=demo.PASSWORD).display_name == person.display_name
    assert User.objects.get(username="anna").role == Role.ADMIN


def test_there_is_something_of_everything() -> None:
    run()
    kinds = set(ChatRoom.objects.values_list("kind", flat=True))
    assert kinds == {"direct", "group", "public"}
    assert MessageEdit.objects.exclude(new_content="").exists()
    assert ChatMessage.objects.filter(deleted_at__isnull=False).exists()
    assert ChatMessage.objects.filter(reply_to__isnull=False).exists()
    assert ChatRoom.objects.filter(is_frozen=True, seq__gt=0).exists()
    assert ChatRoom.objects.filter(seq=0).exists()
    assert max(len(name) for name in User.objects.values_list("display_name", flat=True)) > 60
    assert Membership.objects.filter(role="guest").exists()
    text = "".join(ChatMessage.objects.values_list("content", flat=True))
    for script in "是", "안", "س", "ש", "स", "☕", "```", "<script>":
        assert script in text
    unread = [each.room.seq - each.read_seq for each in Membership.objects.select_related("room")]
    assert any(unread)
    assert min(unread) == 0


def test_its_rooms_are_as_if_people_had_written_them() -> None:
    run()
    for room in ChatRoom.objects.all():
        rows = list(ChatMessage.objects.filter(room=room).order_by("seq"))
        assert [row.seq for row in rows] == list(range(1, room.seq + 1))
        times = [row.created_at for row in rows]
        assert times == sorted(set(times))
        assert not times or times[-1] <= clock.now()
        assert room.offset == readers.head(room.stream)
        assert room.members_count == Membership.objects.filter(room=room).count()
        assert "{re" not in "".join(row.content for row in rows)
        assert "{edit" not in "".join(row.content for row in rows)


def test_what_was_interrupted_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(demo, "_read", fail)
        with pytest.raises(RuntimeError):
            run()
    assert not User.objects.exists()
    assert "anna" in run()


def test_it_is_for_the_demo_alone(settings: Any) -> None:
    settings.PARLEY_DEMO = False
    with pytest.raises(CommandError):
        run()
    assert not User.objects.exists()


def test_a_text_that_means_nothing_is_noticed() -> None:
    with pytest.raises(ValueError, match="nothing"):
        list(demo.read_scripts("room: x\n\nthis is no line"))
