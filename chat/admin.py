"""The desk of rooms and messages: look, recall, freeze."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User, fold
from accounts.permissions import is_admin, is_staff
from chat.models import ChatMessage, ChatRoom, Membership
from chat.services.messages import recall_message
from chat.services.rooms import delete_room, update_room
from core import clock
from core.desk import Desk, DeskAct, column, isolated, page_of
from core.ids import as_uuid, first_of

EXCERPT = 120
GONE = "Somebody who is gone"
# Members that the page of a room lists; the number of all stands beside.
MAX_MEMBERS_SHOWN = 50
MAX_EDITS_SHOWN = 50


def _freezing(frozen: bool) -> Any:
    def run(actor: User, room: ChatRoom, data: dict[str, Any]) -> None:
        update_room(actor_id=actor.pk, room_id=room.pk, changes={"is_frozen": frozen}, reason=data["reason"])

    return run


ROOM_ACTS = (
    DeskAct(
        name="freeze",
        title="Freeze",
        explanation="Nobody but the room's admins can write there until it is thawed.",
        allows=lambda actor, room: is_staff(actor) and (room is None or not room.is_frozen),
        run=_freezing(True),
        icon="ac_unit",
    ),
    DeskAct(
        name="thaw",
        title="Thaw",
        explanation="Its members can write again.",
        allows=lambda actor, room: is_staff(actor) and (room is None or room.is_frozen),
        run=_freezing(False),
        icon="sunny",
    ),
    DeskAct(
        name="delete-room",
        title="Delete the room",
        explanation="The room and all its messages are gone for good, for everybody.",
        allows=lambda actor, room: is_admin(actor) and (room is None or room.kind != ChatRoom.Kind.DIRECT),
        run=lambda actor, room, data: delete_room(actor_id=actor.pk, room_id=room.pk, reason=data["reason"]),
        icon="delete",
        danger=True,
        for_many=False,
    ),
)
MESSAGE_ACTS = (
    DeskAct(
        name="recall",
        title="Recall",
        explanation="It loses its content for everybody at once. Moderators can still read here what stood there.",
        allows=lambda actor, message: is_staff(actor) and (message is None or message.deleted_at is None),
        run=lambda actor, message, data: recall_message(
            actor_id=actor.pk, message_id=message.pk, reason=data["reason"]
        ),
        icon="undo",
        danger=True,
    ),
)


class StateFilter(admin.SimpleListFilter):
    """What became of messages."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("live", "Not recalled"), ("edited", "Edited"), ("recalled", "Recalled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChatMessage]) -> QuerySet[ChatMessage]:
        """The chosen ones."""
        conditions: dict[str | None, dict[str, bool]] = {
            "live": {"deleted_at__isnull": True},
            "edited": {"edited_at__isnull": False},
            "recalled": {"deleted_at__isnull": False},
        }
        return queryset.filter(**conditions.get(self.value(), {}))


class SinceFilter(admin.SimpleListFilter):
    """How new messages are. Ids sort by time, so the primary key finds them."""

    title = "time"
    parameter_name = "since"
    spans: ClassVar[dict[str, tuple[str, timedelta]]] = {
        "hour": ("In the last hour", timedelta(hours=1)),
        "day": ("In the last day", timedelta(days=1)),
        "week": ("In the last week", timedelta(days=7)),
        "month": ("In the last 30 days", timedelta(days=30)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [(name, title) for name, (title, _) in self.spans.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChatMessage]) -> QuerySet[ChatMessage]:
        """The chosen ones."""
        span = self.spans.get(self.value() or "")
        return queryset if span is None else queryset.filter(pk__gte=first_of(clock.now() - span[1]))


def _both_of_direct_rooms(prefix: str = "") -> Prefetch[Any]:
    """The two people of direct rooms, who are their name; of no other room the members."""
    people = Membership.objects.filter(room__kind=ChatRoom.Kind.DIRECT).select_related("user").order_by("pk")
    return Prefetch(f"{prefix}memberships", queryset=people, to_attr="both")


def _room_name(room: ChatRoom) -> str:
    both: list[Membership] = getattr(room, "both", [])
    names = (isolated(membership.user.display_name) for membership in both)
    return room.name or " and ".join(names) or str(room)


@admin.register(ChatRoom)
class RoomDesk(Desk):
    """Rooms."""

    acts = ROOM_ACTS
    audit_type = "room"
    list_display = ("title", "kind", "members_count", "messages", "last_message_at", "state")
    list_filter = ("kind", "is_frozen")
    search_fields = ("name",)
    search_help_text = "A room's name or id"
    ordering: ClassVar[tuple[Any, ...]] = ("-id",)
    sortable_by = ("last_message_at", "members_count", "messages")
    fields = (
        "title",
        "kind",
        "topic",
        "state",
        "created_by",
        "created_at",
        "last_message_at",
        "messages",
        "members",
        "guests_may_send",
        "members_may_invite",
        "members_may_pin",
        "id",
    )
    readonly_fields = ("title", "state", "members", "messages")
    hide_when_empty = ("topic", "last_message_at", "created_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatRoom]:
        """With the names of direct rooms."""
        rooms: QuerySet[ChatRoom] = super().get_queryset(request)
        return rooms.prefetch_related(_both_of_direct_rooms())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChatRoom], search_term: str
    ) -> tuple[QuerySet[ChatRoom], bool]:
        """By a part of the name, or an id."""
        found = as_uuid(search_term.strip())
        if found is not None:
            return queryset.filter(pk=found), False
        return super().get_search_results(request, queryset, search_term)  # type: ignore[no-any-return]  # unfold has no types

    def describe(self, row: ChatRoom) -> str:
        """Its name."""
        return _room_name(row)

    @column("Room")
    def title(self, room: ChatRoom) -> str:
        """Its name, or those of its two people."""
        return _room_name(room)

    @column("State", label={"Frozen": "info"})
    def state(self, room: ChatRoom) -> str | None:
        """Whether it is frozen."""
        return "Frozen" if room.is_frozen else None

    @column("Messages", ordering="seq")
    def messages(self, room: ChatRoom) -> int:
        """How many were sent there."""
        return room.seq

    @column("Members")
    def members(self, room: ChatRoom) -> SafeString:
        """The first of them, by role."""
        people = Membership.objects.filter(room=room).select_related("user").order_by("joined_at", "pk")
        shown = [
            (membership.user.display_name, membership.user.username, membership.get_role_display())
            for membership in people[:MAX_MEMBERS_SHOWN]
        ]
        rest = room.members_count - len(shown)
        more = format_html("<p>and {} more</p>", rest) if rest > 0 else ""
        return format_html("<ul>{}</ul>{}", format_html_join("", "<li>{} (@{}), {}</li>", shown), more)


@admin.register(ChatMessage)
class MessageDesk(Desk):
    """Messages."""

    acts = MESSAGE_ACTS
    audit_type = "message"
    list_display = ("created_at", "sender_name", "room_name", "excerpt", "state")
    list_filter = (StateFilter, SinceFilter, "type", "room__kind")
    search_fields = ("content",)
    search_help_text = "Words of the message, @username of the sender, or the id of a message, room or person"
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    sortable_by = ()
    list_display_links = ("created_at", "excerpt")
    fields = (
        "sender_name",
        "room_name",
        "full_content",
        "state",
        "created_at",
        "edited_at",
        "deleted_at",
        "trace",
        "id",
    )
    readonly_fields = ("sender_name", "room_name", "full_content", "state", "trace")
    hide_when_empty = ("edited_at", "deleted_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatMessage]:
        """With what a row shows, and without what it does not."""
        messages: QuerySet[ChatMessage] = super().get_queryset(request)
        return (
            messages.select_related("sender", "room")
            .prefetch_related(_both_of_direct_rooms("room__"))
            # A page of the list must not carry fifty long texts to show the beginning of each.
            .annotate(beginning=Left("content", EXCERPT + 1))
            .defer("content", "html", "metadata")
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChatMessage], search_term: str
    ) -> tuple[QuerySet[ChatMessage], bool]:
        """Ids and senders by their indexes; words by reading the messages, the newest first."""
        for word in search_term.split():
            found = as_uuid(word)
            if found is not None:
                queryset = queryset.filter(Q(pk=found) | Q(room=found) | Q(sender=found))
            elif word.startswith("@"):
                queryset = queryset.filter(sender__username=fold(word[1:]))
            else:
                queryset = queryset.filter(content__icontains=word)
        return queryset, False

    def describe(self, row: ChatMessage) -> str:
        """Who, and the beginning of what."""
        sender = GONE if row.sender is None else isolated(row.sender.display_name)
        return f"{sender}: {isolated(self.excerpt(row))}"

    @column("From")
    def sender_name(self, message: ChatMessage) -> str:
        """Who wrote it."""
        sender = message.sender
        return GONE if sender is None else page_of(sender, sender.display_name)

    @column("Room")
    def room_name(self, message: ChatMessage) -> str:
        """Where."""
        return page_of(message.room, _room_name(message.room))

    @column("Message")
    def excerpt(self, message: ChatMessage) -> str:
        """The beginning."""
        text: str = getattr(message, "beginning", "")
        return f"{text[:EXCERPT]}…" if len(text) > EXCERPT else text or "–"

    @column("Message")
    def full_content(self, message: ChatMessage) -> SafeString:
        """All of it, as text."""
        return _as_written(message.content)

    @column("State", label={"Recalled": "danger", "Edited": "info"})
    def state(self, message: ChatMessage) -> str | None:
        """What became of it."""
        if message.deleted_at is not None:
            return "Recalled"
        return "Edited" if message.edited_at is not None else None

    @column("What stood there before")
    def trace(self, message: ChatMessage) -> SafeString:
        """What edits and the recall replaced, the latest first."""
        edits = message.edits.order_by("-version")[:MAX_EDITS_SHOWN]
        rows = [(f"{edit.edited_at:%Y-%m-%d %H:%M} UTC", _as_written(edit.old_content)) for edit in edits]
        if not rows:
            return format_html("{}", "Nothing: it is as it was sent.")
        return format_html("<ol>{}</ol>", format_html_join("", "<li><p>{}</p>{}</li>", rows))


def _as_written(text: str) -> SafeString:
    return format_html('<p dir="auto" class="whitespace-pre-wrap break-words">{}</p>', text or "–")
