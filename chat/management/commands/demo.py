"""The demo: people, rooms and conversations to look at. Run by ``make run``; running it again changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Role, User
from accounts.services.credentials import register_user
from chat.models import ChatRoom, Membership
from chat.services import members, messages, reads, rooms
from chat.services.messages import Draft
from core import clock

TEXTS = Path(__file__).parent.parent / "demo"
PASSWORD = "tea at half past four"  # noqa: S105 - printed on the console, for loopback only


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the demo."""

    username: str
    display_name: str
    role: Role = Role.USER


PEOPLE = (
    Person("anna", "Anna Lindqvist", Role.ADMIN),
    Person("ben", "Ben Okafor", Role.MODERATOR),
    Person("mei", "林美玲"),
    Person("jiho", "박지호"),
    Person("layla", "ليلى حداد"),
    Person("noam", "נועם לוי"),
    Person("priya", "प्रिया शर्मा"),
    Person("tomas", "Tomás Seosamh Ó Súilleabháin-Featherstonehaugh of Upper Ballyporeen by the Old Bridge"),
)
# What these have not read yet: the last so many messages of a room with that name.
UNREAD = {"anna": {"General": 2, "Website launch 🚀": 3, "ben": 2}, "ben": {"General": 25, "Code & coffee ☕": 1}}

_LINE = re.compile(r"(\w+): (.*?)(?: \{(recalled|edit|re) ?(.*)\})?")
_HEAD = re.compile(r"(room|direct|kind|topic|owner|members|guests|frozen|ended): (.*)")
_PAUSE = re.compile(r"\* pause (\d+)h")
_SPAN = re.compile(r"(\d+)([mh])")


@dataclass(slots=True)
class Line:
    """A message: who, what, after which pause, and what became of it."""

    who: str
    text: str
    pause: timedelta
    mark: str | None
    detail: str


@dataclass(slots=True)
class Script:
    """A room and what was said in it."""

    head: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def names(self, key: str) -> list[str]:
        """A list of people."""
        return [name.strip() for name in self.head.get(key, "").split(",") if name.strip()]


class Command(BaseCommand):
    """Make the demo's people and rooms where they are missing, and say how to sign in."""

    help = "Make the demo's people, rooms and messages where they are missing, and print the sign-ins."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError outside of the demo."""
        if not settings.PARLEY_DEMO:
            raise CommandError("This makes people with known passwords: it runs with PARLEY_ENV=demo only.")
        if not User.objects.filter(username=PEOPLE[0].username).exists():
            # All or nothing: what was interrupted is made anew.
            with transaction.atomic():
                make_demo()
        self.stdout.write(sign_ins())


def sign_ins() -> str:
    """Who can sign in, and how."""
    known = {user.username: user for user in User.objects.filter(username__in=[each.username for each in PEOPLE])}
    lines = [f"Sign in as one of these, password for all: {PASSWORD}"]
    for person in PEOPLE:
        user = known.get(person.username)
        if user is not None:
            role = "" if user.role == Role.USER else f"  ({user.role})"
            lines.append(f"  {person.username:<8}{_short(user.display_name)}{role}")
    return "\n".join(lines)


def make_demo() -> None:
    """Write everybody and everything to the database."""
    people: dict[str, UUID] = {}
    for person in PEOPLE:
        user = register_user(
            username=person.username, password=PASSWORD, display_name=person.display_name, role=person.role
        )
        people[person.username] = user.pk
    now = clock.now()
    for path in sorted(TEXTS.glob("*.txt")):
        for script in read_scripts(path.read_text(encoding="utf-8")):
            _perform(script, people, now)


def read_scripts(text: str) -> Iterator[Script]:
    """The rooms of a file."""
    script = Script()
    pause = timedelta()
    for line in text.splitlines():
        if head := _HEAD.fullmatch(line):
            if head[1] in ("room", "direct") and script.head:
                yield script
                script = Script()
            script.head[head[1]] = head[2]
        elif pausing := _PAUSE.fullmatch(line):
            pause = timedelta(hours=int(pausing[1]))
        elif said := _LINE.fullmatch(line):
            # Nobody types by the clock, but the same every time.
            typing = timedelta(seconds=20 + 7 * len(said[2]) % 211)
            script.lines.append(Line(said[1], _unescape(said[2]), pause + typing, said[3], _unescape(said[4] or "")))
            pause = timedelta()
        elif line.strip():
            raise ValueError(f"The demo's texts have a line that is nothing: {line}")
    yield script


def _perform(script: Script, people: dict[str, UUID], now: datetime) -> None:
    room_id, owner_id = _open(script, people)
    drafts: list[Draft] = []
    at = now - _span(script.head.get("ended", "0m")) - sum((line.pause for line in script.lines), timedelta())
    for line in script.lines:
        at += line.pause
        content = line.detail if line.mark == "edit" else line.text
        drafts.append(Draft(sender_id=people[line.who], room_id=room_id, content=content, sent_at=at))
    ids = _send(script, drafts)
    for line, message_id in zip(script.lines, ids, strict=True):
        if line.mark == "edit":
            messages.edit_message(actor_id=people[line.who], message_id=message_id, content=line.text)
        elif line.mark == "recalled":
            messages.recall_message(actor_id=owner_id, message_id=message_id)
    _read(script, people, room_id, len(ids))
    for name in script.names("guests"):
        members.change_role(actor_id=owner_id, room_id=room_id, user_id=people[name], role=Membership.Role.GUEST)
    if script.head.get("frozen") == "yes":
        rooms.update_room(actor_id=owner_id, room_id=room_id, changes={"is_frozen": True})


def _open(script: Script, people: dict[str, UUID]) -> tuple[UUID, UUID]:
    if "direct" in script.head:
        one, other = (people[name] for name in script.names("direct"))
        return rooms.create_room(actor_id=one, kind=ChatRoom.Kind.DIRECT, member_ids=[other]).room_id, one
    owner_id = people[script.head["owner"]]
    made = rooms.create_room(
        actor_id=owner_id,
        kind=script.head["kind"],
        name=script.head["room"],
        topic=script.head.get("topic", ""),
        member_ids=[people[name] for name in script.names("members")],
    )
    return made.room_id, owner_id


def _send(script: Script, drafts: list[Draft]) -> list[UUID]:
    """Send all; an answer waits until what it answers has an id."""
    ids: list[UUID] = []
    waiting: list[Draft] = []
    for line, draft in zip(script.lines, drafts, strict=True):
        reply = None
        if line.mark == "re":
            ids += [UUID(sent.message["id"]) for sent in messages.send_messages(waiting)]
            waiting = []
            reply = ids[-int(line.detail)]
        waiting.append(
            Draft(
                sender_id=draft.sender_id,
                room_id=draft.room_id,
                content=draft.content,
                sent_at=draft.sent_at,
                reply_to=reply,
            )
        )
    return ids + [UUID(sent.message["id"]) for sent in messages.send_messages(waiting)]


def _read(script: Script, people: dict[str, UUID], room_id: UUID, count: int) -> None:
    present = [*script.names("members"), *script.names("direct"), *script.names("owner")]
    for name in present:
        others = [other for other in script.names("direct") if other != name]
        title = script.head.get("room") or others[0]
        seq = count - UNREAD.get(name, {}).get(title, 0)
        if seq > 0:
            reads.mark_read(user_id=people[name], room_id=room_id, seq=seq)


def _unescape(text: str) -> str:
    return text.replace("\\n", "\n")


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"The demo's texts have an age that is none: {text}")
    return timedelta(minutes=int(found[1]) * (60 if found[2] == "h" else 1))


def _short(name: str, limit: int = 40) -> str:
    return name if len(name) <= limit else f"{name[: limit - 1]}…"
