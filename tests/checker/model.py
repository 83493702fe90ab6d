"""A chat server in a few lines that does everything right, with its clients: the source of correct histories."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.history import (
    Act,
    Answered,
    Asked,
    FinalChange,
    FinalMessage,
    FinalRoom,
    FinalState,
    History,
    MetaSeen,
    PageEnd,
    Positioned,
    Received,
    Refused,
    Settled,
    Snapshot,
    Transport,
    Unanswered,
    UnreadSeen,
)

EPOCH = "e1"
PAGE = 3


@dataclass(slots=True)
class ModelRoom:
    """A room as the model keeps it; events hold the payload as it was when it was sent."""

    id: str
    messages: dict[str, FinalMessage] = field(default_factory=dict)
    events: list[tuple[FinalChange, dict[str, Any]]] = field(default_factory=list)
    members: dict[str, int] = field(default_factory=dict)
    last_message_at: str | None = None

    @property
    def head(self) -> int:
        """The newest offset."""
        return len(self.events)

    def payload(self, message: FinalMessage) -> dict[str, Any]:
        """A message as it goes on the wire."""
        return {
            "id": message.id,
            "room_id": self.id,
            "seq": message.seq,
            "offset": message.offset,
            "sender_id": message.sender,
            "client_id": message.client_id,
            "content": message.content,
            "html": message.html,
            "version": message.version,
            "is_deleted": message.deleted,
        }

    def in_order(self) -> list[FinalMessage]:
        """The messages by seq."""
        return sorted(self.messages.values(), key=lambda message: message.seq)


@dataclass(slots=True)
class ModelClient:
    """A device: what it wrote down and where it stands."""

    history: History
    socket: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    pending: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def user(self) -> str:
        """Whose device it is."""
        return self.history.user


class Model:
    """Rooms, clients and one clock. Every step is right; which steps are made is the caller's."""

    def __init__(self, luck: random.Random) -> None:
        self.luck = luck
        self.time = 1000.0
        self.rooms: dict[str, ModelRoom] = {}
        self.clients: list[ModelClient] = []
        self.counter = 0

    # --- the stage ---------------------------------------------------------------------

    def room(self, name: str, *members: str) -> ModelRoom:
        """A new room, whose members are told by changes."""
        room = self.rooms[name] = ModelRoom(name)
        for user in members:
            self.add(room, user)
        return room

    def client(self, name: str, user: str) -> ModelClient:
        """A new device of a user."""
        client = ModelClient(History(name, user))
        self.clients.append(client)
        return client

    def tick(self) -> float:
        """Some time passes; the time then."""
        self.time += 0.001 + self.luck.random() * 0.4
        return self.time

    def _name(self, what: str) -> str:
        self.counter += 1
        return f"{what}{self.counter}"

    def _append(self, room: ModelRoom, event: str, payload: Mapping[str, Any], **ids: str) -> int:
        offset = room.head + 1
        change = FinalChange(offset, event, **ids)
        room.events.append((change, {"offset": offset, "epoch": EPOCH, **payload}))
        return offset

    # --- what the server does ------------------------------------------------------------

    def add(self, room: ModelRoom, user: str) -> None:
        """A person becomes a member."""
        if user not in room.members:
            room.members[user] = len(room.messages)
            self._append(room, "member:joined", {"member": {"user": {"id": user}}}, user_id=user)

    def remove(self, room: ModelRoom, user: str) -> None:
        """A person leaves; their sockets are closed."""
        if user in room.members:
            del room.members[user]
            self._append(room, "member:left", {"member": {"user": {"id": user}}}, user_id=user)
            for client in self.clients:
                if client.user == user:
                    client.socket.pop(room.id, None)

    def _write(self, room: ModelRoom, user: str, key: str, content: str) -> FinalMessage:
        for message in room.messages.values():
            if (message.sender, message.client_id) == (user, key):
                return message
        message_id, seq = self._name("m"), len(room.messages) + 1
        message = FinalMessage(
            message_id, room.id, seq, room.head + 1, user, key, content, f"<p>{content}</p>", 1, False, (content,)
        )
        room.messages[message_id] = message
        room.last_message_at = f"{self.time:012.6f}"
        room.members[user] = seq
        self._append(room, "message:created", {"message": room.payload(message)}, message_id=message_id)
        return message

    # --- what clients do -------------------------------------------------------------------

    def send(self, client: ModelClient, room: ModelRoom, *, lose_ack: bool = False, lose_request: bool = False) -> str:
        """Send a message; the answer or even the request may be lost. The client_id."""
        key = self._name("c")
        self._attempt(client, room, key, f"words of {key}", lose_ack, lose_request)
        return key

    def retry(self, client: ModelClient) -> None:
        """Repeat what was never answered."""
        for room_id, key, content in client.pending[:]:
            client.pending.remove((room_id, key, content))
            self._attempt(client, self.rooms[room_id], key, content, lose_ack=False, lose_request=False)

    def _attempt(
        self, client: ModelClient, room: ModelRoom, key: str, content: str, lose_ack: bool, lose_request: bool
    ) -> None:
        log = client.history.add
        log(Asked(self.tick(), Act.SEND, key, room.id, content))
        self.tick()
        if lose_request:
            log(Unanswered(self.tick(), Act.SEND, key, room.id))
        elif client.user not in room.members:
            log(Refused(self.tick(), Act.SEND, key, room.id, "not_found"))
            return
        else:
            message = self._write(room, client.user, key, content)
            if not lose_ack:
                log(
                    Answered(
                        self.tick(),
                        Act.SEND,
                        key,
                        room.id,
                        message.id,
                        message.seq,
                        message.offset,
                        message.version,
                        message.content,
                        message.sender,
                    )
                )
                return
            log(Unanswered(self.tick(), Act.SEND, key, room.id))
        client.pending.append((room.id, key, content))

    def edit(self, client: ModelClient, room: ModelRoom, which: int | None = None) -> None:
        """Edit one of one's own messages, the ``which``-th or any."""
        own = [m for m in room.in_order() if m.sender == client.user and not m.deleted]
        if not own or client.user not in room.members:
            return
        message, key = self.luck.choice(own) if which is None else own[which], self._name("k")
        content = f"other words of {key}"
        client.history.add(Asked(self.tick(), Act.EDIT, key, room.id, content, message.id))
        message = replace(
            message,
            content=content,
            html=f"<p>{content}</p>",
            version=message.version + 1,
            offset=room.head + 1,
            contents=(*message.contents, content),
        )
        room.messages[message.id] = message
        self._append(room, "message:edited", {"message": room.payload(message)}, message_id=message.id)
        client.history.add(
            Answered(
                self.tick(), Act.EDIT, key, room.id, message.id, message.seq, message.offset, message.version, content
            )
        )

    def recall(self, client: ModelClient, room: ModelRoom, which: int | None = None) -> None:
        """Recall one of one's own messages, the ``which``-th or any."""
        own = [m for m in room.in_order() if m.sender == client.user and not m.deleted]
        if not own or client.user not in room.members:
            return
        message, key = self.luck.choice(own) if which is None else own[which], self._name("k")
        client.history.add(Asked(self.tick(), Act.RECALL, key, room.id, "", message.id))
        message = replace(
            message, content="", html="", deleted=True, offset=room.head + 1, contents=("",) * len(message.contents)
        )
        room.messages[message.id] = message
        self._append(room, "message:recalled", {"message": room.payload(message)}, message_id=message.id)
        client.history.add(Answered(self.tick(), Act.RECALL, key, room.id, message.id, message.seq, message.offset))

    def read(self, client: ModelClient, room: ModelRoom) -> None:
        """Move one's read position to somewhere between it and the newest message."""
        if client.user in room.members:
            key, seq = self._name("k"), self.luck.randint(room.members[client.user], len(room.messages))
            client.history.add(Asked(self.tick(), Act.READ, key, room.id))
            room.members[client.user] = seq
            client.history.add(Answered(self.tick(), Act.READ, key, room.id, seq=seq))

    # --- what clients see ------------------------------------------------------------------

    def snapshot(self, client: ModelClient, room: ModelRoom) -> None:
        """Read the newest messages."""
        if client.user not in room.members:
            return
        newest = tuple(room.payload(message) for message in room.in_order()[-PAGE:])
        client.history.add(Snapshot(self.tick(), room.id, room.head, EPOCH, newest))

    def join(self, client: ModelClient, room: ModelRoom) -> None:
        """Join by socket: at the head the first time, with recovery after that."""
        if client.user in room.members and room.id not in client.socket:
            fresh = room.id not in client.known
            offset = client.known.setdefault(room.id, room.head)
            client.history.add(Positioned(self.tick(), f"room:{room.id}", Transport.SOCKET, offset, EPOCH, fresh=fresh))
            client.socket[room.id] = offset

    def deliver(self, client: ModelClient, room: ModelRoom, most: int = PAGE) -> None:
        """The socket brings what it has not yet brought, at most so much."""
        if room.id in client.socket:
            start = client.socket[room.id]
            for change, payload in room.events[start : start + most]:
                client.history.add(
                    Received(
                        self.tick(), f"room:{room.id}", Transport.SOCKET, change.offset, EPOCH, change.event, payload
                    )
                )
                client.socket[room.id] = change.offset
                client.known[room.id] = max(client.known[room.id], change.offset)

    def cut(self, client: ModelClient) -> None:
        """The socket breaks."""
        client.socket.clear()

    def poll(self, client: ModelClient, room: ModelRoom) -> None:
        """Ask for a page of changes; readers get the rows as they are now."""
        if client.user not in room.members:
            return
        stream = f"room:{room.id}"
        fresh = room.id not in client.known
        after = client.known.setdefault(room.id, room.head)
        client.history.add(Positioned(self.tick(), stream, Transport.CHANGES, after, EPOCH, fresh=fresh))
        page = room.events[after : after + PAGE]
        for change, payload in page:
            if change.message_id is not None:
                now = {"message": room.payload(room.messages[change.message_id])}
            else:
                now = {"member": payload["member"]}
            client.history.add(Received(self.time, stream, Transport.CHANGES, change.offset, EPOCH, change.event, now))
        client.known[room.id] = after + len(page)
        client.history.add(PageEnd(self.tick(), stream, room.head, after + len(page) < room.head))

    def meta(self, client: ModelClient, room: ModelRoom) -> None:
        """Poll meta."""
        if client.user in room.members:
            asked_at = self.tick()
            client.history.add(MetaSeen(self.tick(), asked_at, room.id, room.head, EPOCH, room.last_message_at, "one"))

    # --- the end ------------------------------------------------------------------------------

    def finish(self) -> FinalState:
        """Let everybody repeat, catch up and say so; the database at the end."""
        for client in self.clients:
            self.retry(client)
        for client in self.clients:
            for room in self.rooms.values():
                self._settle(client, room)
        rooms = {
            room.id: FinalRoom(
                room.id,
                len(room.messages),
                room.head,
                room.head,
                tuple(room.in_order()),
                tuple(change for change, _ in room.events),
                dict(room.members),
            )
            for room in self.rooms.values()
        }
        return FinalState(EPOCH, rooms)

    def _settle(self, client: ModelClient, room: ModelRoom) -> None:
        if client.user not in room.members or room.id not in client.known:
            return
        while client.known[room.id] < room.head:
            if room.id in client.socket:
                self.deliver(client, room)
            else:
                self.poll(client, room)
        self.snapshot(client, room)
        self.meta(client, room)
        position = room.members[client.user]
        unread = sum(message.seq > position and message.sender != client.user for message in room.messages.values())
        client.history.add(UnreadSeen(self.tick(), room.id, room.head, unread))
        client.history.add(Settled(self.tick(), f"room:{room.id}", room.head, EPOCH))
