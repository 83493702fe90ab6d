"""What stands above the wire, small enough to be seen through: people, and topics with a log in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID, uuid5

from core.errors import Forbidden, InvalidToken, NotFound, PositionLost
from core.log.readers import ChangeBody, ChangesPage
from realtime.channel import Channel
from realtime.envelope import pack
from realtime.frames import Frame
from realtime.topics import Effects, Followed, JoinResult, Payload, TopicHandler

EPOCH = "testepoc"
_NAMES = UUID("6f2f0f2e-3f0c-4ab4-8a8e-0c3f6c1b2a10")


@dataclass(frozen=True, slots=True)
class Principal:
    """What the authenticator answers."""

    user_id: UUID
    sid: UUID
    exp: int


# Sign-ins that were ended.
ended: set[UUID] = set()


def user_id(name: str) -> str:
    """The id of a person by name."""
    return str(uuid5(_NAMES, name))


def sid(name: str, device: str = "1") -> UUID:
    """The id of a sign-in."""
    return uuid5(_NAMES, f"{name}/{device}")


def token(name: str, device: str = "1", seconds: float = 900) -> str:
    """An access token; it has the form of a JWT, and nothing else of one."""
    return f"{name}.{device}.{int(time.time() + seconds)}"


async def aauthenticate(raw: str) -> Principal:
    """Read a token of ours."""
    name, _, rest = raw.partition(".")
    device, _, exp = rest.partition(".")
    if not exp.isdigit():
        raise InvalidToken
    principal = Principal(UUID(user_id(name)), sid(name, device), int(exp))
    check_principal(principal)
    return principal


def check_principal(principal: Principal) -> None:
    """Whether it is still good."""
    if principal.exp <= time.time() or principal.sid in ended:
        raise InvalidToken


@dataclass
class Log:
    """One stream: what was committed, and what of it was erased since."""

    topic: str
    events: list[tuple[str, Payload]] = field(default_factory=list)
    erased: set[int] = field(default_factory=set)
    floor: int = 0
    epoch: str = EPOCH
    reads: int = 0
    # Set: reads wait until it is set again, as a slow database makes them.
    gate: asyncio.Event | None = None
    # While true reads fail, as with the database away.
    broken: bool = False

    @property
    def head(self) -> int:
        return len(self.events)

    def commit(self, event: str = "message:created", **payload: Any) -> Frame:
        """Append a change; the frame that announces it, which the test delivers or loses."""
        self.events.append((event, payload))
        return self.frame(self.head)

    def frame(self, offset: int) -> Frame:
        """The frame of a change."""
        event, payload = self.events[offset - 1]
        body = {"offset": offset, "epoch": self.epoch, **payload}
        return Frame.of(self.topic, event, body, offset=offset, epoch=self.epoch)

    def envelope(self, offset: int, instance: str = "elsewhere") -> bytes:
        """The frame as another process publishes it."""
        return pack(self.frame(offset), instance)

    def read(self, after: int, limit: int, epoch: str | None) -> ChangesPage:
        """As ``core.log.readers.read_changes``."""
        self.reads += 1
        if (epoch is not None and epoch != self.epoch) or not self.floor <= after <= self.head:
            raise PositionLost
        last = min(after + limit, self.head)
        changes: list[ChangeBody] = [
            {"offset": offset, "event": self.events[offset - 1][0], "payload": self.events[offset - 1][1]}
            for offset in range(after + 1, last + 1)
            if offset not in self.erased
        ]
        return ChangesPage(changes, self.head, self.epoch, last < self.head)


@dataclass
class World:
    """What the handlers below find. Members by room, streams by name."""

    logs: dict[str, Log] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    # Names of what happened, in order, for tests that ask.
    journal: list[str] = field(default_factory=list)
    # Set: whoever authorizes waits here.
    gate: asyncio.Event | None = None

    def room(self, name: str, *members: str) -> Log:
        """A room with these people in it."""
        topic = f"room:{name}"
        self.members[topic] = {user_id(member) for member in members}
        self.logs[topic] = Log(topic)
        return self.logs[topic]

    def person(self, name: str) -> Log:
        """The stream of a person."""
        topic = f"user:{user_id(name)}"
        self.logs[topic] = Log(topic)
        return self.logs[topic]

    def position(self, topic: str) -> tuple[int, str]:
        """Where a stream stands."""
        return self.logs[topic].head, self.logs[topic].epoch

    def heads(self, streams: Collection[str]) -> dict[str, int]:
        """Where streams stand."""
        return {stream: self.logs[stream].head for stream in streams if stream in self.logs}


class _Logged(TopicHandler):
    durable = True
    world: ClassVar[World]

    def history(self, topic: str, after: int, limit: int, epoch: str | None) -> ChangesPage:
        log = self.world.logs[topic]
        if log.broken:
            from django.db import OperationalError

            raise OperationalError("the database is away")
        return log.read(after, limit, epoch)


class RoomTopic(_Logged):
    """A room whose members are told by the world."""

    pattern = "room:{name}"
    pushes = {"message:send": "send", "typing": "typing", "slow": "slow", "break": "fail"}
    measured = frozenset({"message:send"})
    watched = frozenset({"member:left"})

    async def authorize(self, channel: Channel) -> None:
        allowed = channel.user_id in self.world.members.get(channel.topic, ())
        self.world.journal.append(f"authorize {channel.topic}")
        if self.world.gate is not None:
            await self.world.gate.wait()
        if not allowed:
            raise NotFound("There is no such room.")

    async def leave(self, channel: Channel) -> None:
        self.world.journal.append(f"leave {channel.topic}")

    def effects(self, parameters: Any, event: str, payload: Payload) -> Effects:
        return Effects(recheck=[payload["user_id"]])

    def heads(self, streams: Collection[str]) -> list[Followed]:
        return [self.followed(stream) for stream in streams]

    def followed(self, stream: str) -> Followed:
        head = self.world.logs[stream].head
        return Followed(stream, head, {"room_id": stream.removeprefix("room:"), "seq": head})

    async def send(self, channel: Channel, payload: Payload) -> Payload:
        self.world.journal.append(f"send {payload.get('content', '')[:20]}")
        return {"message": {"content": payload.get("content")}}

    async def slow(self, channel: Channel, payload: Payload) -> Payload:
        self.world.journal.append(f"begin {payload['n']}")
        await asyncio.sleep(0.02)
        self.world.journal.append(f"end {payload['n']}")
        return {"n": payload["n"]}

    async def fail(self, channel: Channel, payload: Payload) -> Payload:
        raise RuntimeError("a mistake of ours, with a secret in it")

    async def typing(self, channel: Channel, payload: Payload) -> Payload:
        channel.broadcast("typing", {"user_id": channel.user_id, "on": payload.get("on", True)})
        return {}


class UserTopic(_Logged):
    """A person's own stream; follows the rooms that the world has them in."""

    pattern = "user:{user_id}"
    watched = frozenset({"room:added", "room:removed"})

    async def authorize(self, channel: Channel) -> None:
        if channel.user_id != channel.parameters["user_id"]:
            raise Forbidden

    async def join(self, channel: Channel, payload: Payload) -> JoinResult:
        rooms = [topic for topic, members in self.world.members.items() if channel.user_id in members]
        return JoinResult(follow=RoomTopic().heads(rooms), response={"rooms": len(rooms)})

    def effects(self, parameters: Any, event: str, payload: Payload) -> Effects:
        streams = [f"room:{payload['room_id']}"]
        return Effects(follow=streams) if event == "room:added" else Effects(unfollow=streams)
