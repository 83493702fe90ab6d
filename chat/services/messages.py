"""Sending, editing and recalling messages.

A text is checked and rendered before anything is locked. What then happens under the lock of the
room's row is one act of the log; those of one moment share a transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from chat import cache, markup, permissions
from chat.events import MESSAGES, MessageCreated, MessageEdited, MessageRecalled
from chat.models import ChatMessage, ChatRoom, Membership, MessageEdit, membership_id, room_stream
from chat.payloads import MessagePayload, message_payload
from chat.selectors.messages import find_sent
from chat.services import _acts, texts
from core.audit.services import record
from core.errors import Invalid, NotFound, VersionConflict
from core.ids import uuid7
from core.log import executor
from core.log.bykey import ByKey
from core.log.epoch import origin
from core.log.writer import Act, Lookup, Writer, append_many

# Rendering more than this takes long enough for an event loop to notice.
RENDER_ON_LOOP = 1_000
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class SendResult:
    """The message as everyone sees it; ``created`` is False when its client_id was known."""

    message: MessagePayload
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message to be sent. ``sent_at``: when it was, where it comes from elsewhere (None: now)."""

    sender_id: UUID
    room_id: UUID
    content: str
    client_id: str | None = None
    message_type: str = "text"
    reply_to: UUID | None = None
    metadata: dict[str, Any] | None = None
    sent_at: datetime | None = None

    @property
    def key(self) -> tuple[UUID, UUID, str]:
        return self.room_id, self.sender_id, self.client_id or ""


def send_message(
    *,
    sender_id: UUID,
    room_id: UUID,
    content: str,
    client_id: str | None = None,
    message_type: str = "text",
    reply_to: UUID | None = None,
    metadata: dict[str, Any] | None = None,
) -> SendResult:
    """Send. A repeated ``client_id`` (of this sender in this room) answers with the first message.

    Raises Invalid (``attr`` says of what), NotFound (outside the room), Forbidden, Unavailable.
    """
    draft = Draft(
        sender_id=sender_id,
        room_id=room_id,
        content=content,
        client_id=client_id,
        message_type=message_type,
        reply_to=reply_to,
        metadata=metadata,
    )
    _check(draft)
    return executor.execute(_sending(draft, markup.render(content)))


async def asend_message(
    *,
    sender_id: UUID,
    room_id: UUID,
    content: str,
    client_id: str | None = None,
    message_type: str = "text",
    reply_to: UUID | None = None,
    metadata: dict[str, Any] | None = None,
) -> SendResult:
    """As ``send_message``, for coroutines."""
    draft = Draft(
        sender_id=sender_id,
        room_id=room_id,
        content=content,
        client_id=client_id,
        message_type=message_type,
        reply_to=reply_to,
        metadata=metadata,
    )
    _check(draft)
    return await executor.aexecute(_sending(draft, await _arender(content)))


def send_messages(drafts: Sequence[Draft]) -> list[SendResult]:
    """Send many in one transaction, all or none; for what comes from elsewhere. Raises what the first
    that is refused raises."""
    for draft in drafts:
        _check(draft)
    with transaction.atomic():
        results = append_many([_sending(draft, markup.render(draft.content)) for draft in drafts])
        for result in results:
            if isinstance(result, Exception):
                raise result
    return results


def edit_message(*, actor_id: UUID, message_id: UUID, content: str, version: int | None = None) -> MessagePayload:
    """The message after the edit; only its sender may. The same content again changes nothing.

    Raises VersionConflict (``extra["current"]`` is the message as it stands) when ``version`` is
    given and stale, NotFound, Forbidden, Conflict (recalled), Invalid.
    """
    texts.check_content(content)
    room_id = _room_of(ChatMessage.objects.filter(pk=message_id).values_list("room_id", flat=True).first())
    return executor.execute(_editing(actor_id, message_id, room_id, content, markup.render(content), version))


async def aedit_message(
    *, actor_id: UUID, message_id: UUID, content: str, version: int | None = None
) -> MessagePayload:
    """As ``edit_message``, for coroutines."""
    texts.check_content(content)
    room_id = _room_of(await ChatMessage.objects.filter(pk=message_id).values_list("room_id", flat=True).afirst())
    html = await _arender(content)
    return await executor.aexecute(_editing(actor_id, message_id, room_id, content, html, version))


def recall_message(*, actor_id: UUID, message_id: UUID, reason: str = "") -> MessagePayload:
    """Take a message back for everyone; its tombstone. Recalling it again changes nothing.

    ``reason`` is for the audit, and required when only the actor's role on the site allows it.
    Raises RecallExpired, NotFound, Forbidden, Invalid.
    """
    room_id = _room_of(ChatMessage.objects.filter(pk=message_id).values_list("room_id", flat=True).first())
    return executor.execute(_recalling(actor_id, message_id, room_id, reason))


async def arecall_message(*, actor_id: UUID, message_id: UUID, reason: str = "") -> MessagePayload:
    """As ``recall_message``, for coroutines."""
    room_id = _room_of(await ChatMessage.objects.filter(pk=message_id).values_list("room_id", flat=True).afirst())
    return await executor.aexecute(_recalling(actor_id, message_id, room_id, reason))


# --- before the lock ----------------------------------------------------------------------


def _check(draft: Draft) -> None:
    texts.check_content(draft.content)
    texts.check_client_id(draft.client_id)
    texts.check_message_type(draft.message_type)
    texts.check_metadata(draft.metadata)


async def _arender(content: str) -> str:
    if len(content) <= RENDER_ON_LOOP:
        return markup.render(content)
    return await asyncio.to_thread(markup.render, content)


def _room_of(room_id: UUID | None) -> UUID:
    if room_id is None:
        raise NotFound("There is no such message.")
    return room_id


def _load_known(keys: Collection[tuple[UUID, UUID, str]]) -> Mapping[tuple[UUID, UUID, str], ChatMessage]:
    found = find_sent(keys)
    if not found:
        return {}
    known = MESSAGES(found).values()
    return {(each.room_id, each.sender_id, each.client_id): each for each in known if each.sender_id and each.client_id}


_KNOWN = Lookup(_load_known)
_ANSWERED = Lookup(ByKey(ChatMessage, lambda: ChatMessage.objects.select_related("sender")))


# --- under the lock -----------------------------------------------------------------------


def _sending(draft: Draft, html: str) -> Act[SendResult]:
    membership_key = membership_id(draft.room_id, draft.sender_id)
    lookups: list[tuple[Lookup[Any, Any], Any]] = []
    if draft.client_id is not None:
        lookups.append((_KNOWN, draft.key))
    if draft.reply_to is not None:
        lookups.append((_ANSWERED, draft.reply_to))
    return Act(
        run=partial(_send, draft=draft, html=html, membership_key=membership_key),
        rows=[(ChatRoom, draft.room_id), (Membership, membership_key)],
        streams=[room_stream(draft.room_id)],
        lookups=lookups,
        buffered=True,
    )


def _send(w: Writer, draft: Draft, html: str, membership_key: UUID) -> SendResult:
    known = w.look_up(_KNOWN, draft.key) if draft.client_id is not None else None
    if known is not None:
        return SendResult(message_payload(known), created=False)
    room, membership = permissions.check_may_send(w.row(ChatRoom, draft.room_id), w.row(Membership, membership_key))
    answered = _answered(w, draft)
    room.seq += 1
    room.lamport += 1
    room.last_message_at = _next_time(room.last_message_at, draft.sent_at or w.now)
    message = ChatMessage(
        id=uuid7(),
        room=room,
        sender=membership.user,
        seq=room.seq,
        offset=w.next_offset(room.stream),
        lamport=room.lamport,
        origin=origin(),
        type=draft.message_type,
        content=draft.content,
        html=html,
        metadata=draft.metadata or {},
        client_id=draft.client_id,
        reply_to=answered,
        created_at=room.last_message_at,
    )
    room.last_message = message
    membership.read_seq = room.seq
    w.insert(message)
    w.update(room, "seq", "lamport", "last_message", "last_message_at")
    w.update(membership, "read_seq")
    if draft.client_id is not None:
        w.remember(_KNOWN, draft.key, message)
    payload = message_payload(message)
    w.append(room.stream, MessageCreated(payload))
    _acts.tell_meta(w, room)
    # The own read position has moved.
    w.on_commit(partial(cache.touch_user, user_id=draft.sender_id), key=("me", draft.sender_id))
    return SendResult(payload, created=True)


def _answered(w: Writer, draft: Draft) -> ChatMessage | None:
    if draft.reply_to is None:
        return None
    message = w.look_up(_ANSWERED, draft.reply_to)
    if message is None or message.room_id != draft.room_id:
        raise Invalid("The message to answer is not in this room.", attr="reply_to")
    return message


def _next_time(previous: datetime | None, now: datetime) -> datetime:
    # Never back, and never twice the same, whatever the machine's clock does.
    return now if previous is None else max(now, previous + _MICROSECOND)


def _editing(
    actor_id: UUID, message_id: UUID, room_id: UUID, content: str, html: str, version: int | None
) -> Act[MessagePayload]:
    def run(w: Writer) -> MessagePayload:
        room = w.row(ChatRoom, room_id)
        membership = w.row(Membership, membership_id(room_id, actor_id))
        message = permissions.check_may_edit(w.row(ChatMessage, message_id), room, membership)
        if version is not None and version != message.version:
            raise VersionConflict(extra={"current": message_payload(message)})
        if content == message.content:
            return message_payload(message)
        assert room is not None
        _keep_edit(w, message, content, actor_id)
        message.content, message.html, message.edited_at = content, html, w.now
        message.offset = w.next_offset(room.stream)
        w.update(message, "content", "html", "edited_at", "version", "offset")
        payload = message_payload(message)
        w.append(room.stream, MessageEdited(payload))
        _acts.tell_meta(w, room)
        return payload

    return Act(run=run, rows=_rows(actor_id, message_id, room_id), streams=[room_stream(room_id)], buffered=True)


def _recalling(actor_id: UUID, message_id: UUID, room_id: UUID, reason: str) -> Act[MessagePayload]:
    def run(w: Writer) -> MessagePayload:
        room = w.row(ChatRoom, room_id)
        message = w.row(ChatMessage, message_id)
        if room is None or message is None:
            raise NotFound("There is no such message.")
        membership = w.row(Membership, membership_id(room_id, actor_id))
        by_site = permissions.check_may_recall(message, room, membership, actor_id=actor_id, now=w.now)
        if message.deleted_at is not None:
            return message_payload(message)
        if by_site or (reason and permissions.can_moderate(actor_id)):
            _audit_recall(actor_id, message, reason)
        _keep_edit(w, message, "", actor_id)
        message.content, message.html, message.metadata = "", "", {}
        message.deleted_at, message.deleted_by_id = w.now, actor_id
        message.offset = w.next_offset(room.stream)
        w.update(message, "content", "html", "metadata", "deleted_at", "deleted_by", "version", "offset")
        payload = message_payload(message)
        w.append(room.stream, MessageRecalled(payload))
        _acts.tell_meta(w, room)
        return payload

    return Act(run=run, rows=_rows(actor_id, message_id, room_id), streams=[room_stream(room_id)])


def _rows(actor_id: UUID, message_id: UUID, room_id: UUID) -> list[Any]:
    return [(ChatRoom, room_id), (ChatMessage, message_id), (Membership, membership_id(room_id, actor_id))]


def _keep_edit(w: Writer, message: ChatMessage, content: str, actor_id: UUID) -> None:
    """The trace: what stood here, kept for the history (of a recalled message: for moderators)."""
    w.insert(
        MessageEdit(
            message=message,
            version=message.version,
            old_content=message.content,
            new_content=content,
            edited_at=w.now,
            edited_by_id=actor_id,
        )
    )
    message.version += 1


def _audit_recall(actor_id: UUID, message: ChatMessage, reason: str) -> None:
    record(
        actor=User.objects.get(pk=actor_id),
        action="message.recall",
        object_type="message",
        object_id=message.pk,
        reason=reason,
        data={"room": str(message.room_id), "sender": str(message.sender_id)},
    )
