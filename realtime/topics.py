"""Who may join which topic, and what happens there: the registry that each app's ``topics.py`` fills.

An app writes a ``TopicHandler`` per pattern and registers it; ``topics.py`` of every app is
imported at start, as Django does with ``admin.py``. A topic that no pattern claims is an open one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.conf import settings

from core.errors import Forbidden, NotFound
from core.log.announce import Committed
from core.log.readers import ChangesPage, read_changes
from realtime.dialects import CONTROL_EVENTS

if TYPE_CHECKING:
    from realtime.channel import Channel

Payload = dict[str, Any]
H = TypeVar("H", bound="type[TopicHandler]")


@dataclass(frozen=True, slots=True)
class Followed:
    """A stream whose head is told to a channel without its being joined.

    ``data`` is what the ``head`` event says of it beside ``room_offset``.
    """

    stream: str
    offset: int
    data: Payload


@dataclass(frozen=True, slots=True)
class JoinResult:
    """What a handler adds to the answer of a join, and what the channel follows from now on."""

    response: Payload = field(default_factory=dict)
    follow: Iterable[Followed] = ()


@dataclass(frozen=True, slots=True)
class Effects:
    """What a change of a topic means for the channels on it.

    ``recheck``: users whose right to be here is to be judged anew. ``follow``, ``unfollow``:
    streams that all channels of the topic follow from now on, or no longer.
    """

    recheck: Collection[str] = ()
    follow: Collection[str] = ()
    unfollow: Collection[str] = ()


class TopicHandler:
    """What may be done on the topics of one pattern. One object serves all of them."""

    # "room:{room_id}": each name stands for a part without a colon, the last one for all that is left.
    pattern: ClassVar[str]
    # Whether the topic is the key of a stream of the log: its events have offsets and can be recovered.
    durable: ClassVar[bool] = False
    # Pushes that the handler understands: event → name of the method ``async (channel, payload) -> dict``.
    pushes: ClassVar[Mapping[str, str]] = {}
    # Pushes whose size the handler judges itself, by another measure than the payload's bytes.
    measured: ClassVar[frozenset[str]] = frozenset()
    # Events of the topic that ``effects`` wants to see.
    watched: ClassVar[frozenset[str]] = frozenset()

    def parameters(self, names: Mapping[str, str]) -> dict[str, Any]:
        """What the pattern's names stand for. Raises NotFound for what cannot be one of ours."""
        return dict(names)

    async def authorize(self, channel: Channel) -> None:
        """Let the channel's user in, or raise a ParleyError."""
        raise NotImplementedError

    async def join(self, channel: Channel, payload: Payload) -> JoinResult:
        """Called after ``authorize``."""
        return JoinResult()

    async def leave(self, channel: Channel) -> None:
        """The channel is gone: left, closed, or its socket lost."""

    def may_broadcast(self, channel: Channel, event: str) -> None:
        """Let the channel broadcast ``event``, or raise a ParleyError."""

    def history(self, topic: str, after: int, limit: int, epoch: str | None) -> ChangesPage:
        """The changes after an offset, in a thread. Raises PositionLost."""
        return read_changes(topic, after=after, limit=limit, epoch=epoch)

    def effects(self, parameters: Mapping[str, Any], event: str, payload: Payload) -> Effects:
        """What an event of ``watched`` does to who listens."""
        return Effects()

    def head(self, commit: Committed) -> Payload | None:
        """What followers of a stream of this pattern are told of a commit; None: nothing."""
        return None

    def heads(self, streams: Collection[str]) -> list[Followed]:
        """The heads of streams of this pattern as they are in the database, in a thread."""
        return []


class OpenTopicHandler(TopicHandler):
    """Every topic that no app claims: broadcast and presence among those whom the policy lets in.

    ``PARLEY_OPEN_TOPICS``: "signed_in" (the default), "everyone" (then ``private: true`` still asks
    for a token), or "nobody".
    """

    pattern = "{topic}"

    async def authorize(self, channel: Channel) -> None:
        """By the policy."""
        policy = settings.PARLEY_OPEN_TOPICS
        if policy == "nobody" or (channel.principal is None and (policy != "everyone" or channel.is_private)):
            raise Forbidden("You do not have permission to join this topic.")

    def may_broadcast(self, channel: Channel, event: str) -> None:
        """Whoever has joined may broadcast."""


class _Route:
    """A handler with its pattern compiled."""

    def __init__(self, handler: TopicHandler) -> None:
        self.handler = handler
        self.claim = handler.pattern.partition("{")[0]
        parts = re.split(r"\{(\w+)\}", handler.pattern)
        names = parts[1::2]
        expression = re.escape(parts[0])
        for index, name in enumerate(names):
            inner = ".+" if index == len(names) - 1 else "[^:]+"
            expression += f"(?P<{name}>{inner}){re.escape(parts[2 + 2 * index])}"
        self.expression = re.compile(expression, re.DOTALL)


_routes: list[_Route] = []
_open = OpenTopicHandler()


def register_topic(handler: H) -> H:
    """Class decorator: have topics of this handler's pattern served by it."""
    _routes.append(_Route(handler()))
    return handler


def registered_handlers() -> list[TopicHandler]:
    """All handlers, the one of open topics last: for the documentation and the matrix of rights."""
    return [*(route.handler for route in _routes), _open]


def find(topic: str) -> tuple[TopicHandler, dict[str, Any]]:
    """The handler of a topic and what its name says. Raises NotFound for a name of a claimed form
    that stands for nothing."""
    claimed = False
    for route in _routes:
        if topic.startswith(route.claim):
            claimed = True
            if match := route.expression.fullmatch(topic):
                return route.handler, route.handler.parameters(match.groupdict())
    if claimed:
        raise NotFound("There is no such topic.")
    return _open, {"topic": topic}


def is_open(handler: TopicHandler) -> bool:
    """Whether this is the handler of open topics."""
    return handler is _open


def is_control_event(event: str) -> bool:
    """Whether a public client would take an event of this name for the server's own word."""
    return event in CONTROL_EVENTS


class ChannelExtension:
    """Something that works on any topic beside its handler (presence, metadata).

    ``events`` are the pushes that it answers; it may send frames to the channel at any time.
    """

    events: ClassVar[frozenset[str]] = frozenset()

    async def on_join(self, channel: Channel, payload: Payload) -> None:
        """After the reply to the join."""

    async def on_push(self, channel: Channel, event: str, payload: Payload) -> Payload:
        """Answer a push of ``events``; the response, or a ParleyError."""
        raise NotImplementedError

    async def on_leave(self, channel: Channel) -> None:
        """The channel is gone."""


_extensions: list[ChannelExtension] = []


def register_extension(extension: ChannelExtension) -> None:
    """Have ``extension`` told of every channel from now on."""
    _extensions.append(extension)


def extensions() -> list[ChannelExtension]:
    """All that are registered."""
    return _extensions
