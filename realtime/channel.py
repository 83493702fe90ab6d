"""A client's handle on a topic: from the join to the leave, the close, or the end of its socket."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from realtime import codec
from realtime.authenticator import Principal
from realtime.codec import Ref
from realtime.dialects import Act, Dialect
from realtime.frames import BinaryForm, Encoded, Frame, Variant

if TYPE_CHECKING:
    from realtime.join_config import JoinConfig
    from realtime.live_topic import LiveTopic
    from realtime.session import Session
    from realtime.topics import TopicHandler


class State(IntEnum):
    """What a channel gets."""

    JOINING = 0  # nothing yet
    CATCHING_UP = 1  # what it missed, from the log
    LIVE = 2  # everything as it happens
    ENDED = 3  # nothing any more


class Channel:
    """One join of one topic by one socket."""

    __slots__ = (
        "binary",
        "config",
        "dialect",
        "doubtful",
        "follows",
        "handler",
        "join_ref",
        "live",
        "parameters",
        "position",
        "session",
        "state",
        "topic",
        "turn",
        "variant_in_use",
        "wire_topic",
    )

    def __init__(
        self,
        session: Session,
        wire_topic: str,
        topic: str,
        join_ref: Ref,
        dialect: Dialect,
        handler: TopicHandler,
        parameters: dict[str, Any],
        config: JoinConfig,
    ) -> None:
        self.session = session
        self.wire_topic = wire_topic
        self.topic = topic
        self.join_ref = join_ref
        self.dialect = dialect
        self.handler = handler
        self.parameters = parameters
        self.config = config
        self.state = State.JOINING
        self.live: LiveTopic | None = None
        # Up to here everything was sent (durable topics, while not live).
        self.position = 0
        # Raised whenever whoever feeds the channel is to stop.
        self.turn = 0
        # Its right to be here is to be judged again before it goes on.
        self.doubtful = False
        self.follows: set[str] = set()
        # The group of its topic in which it is, if it is live.
        self.variant_in_use: Variant | None = None
        # realtime-js always sends a config and reads kind 4; stock phoenix reads kind 2.
        self.binary = BinaryForm.USER_BROADCAST if config.is_given else BinaryForm.BROADCAST

    @property
    def principal(self) -> Principal | None:
        """Who holds the socket; None for a guest."""
        return self.session.principal

    @property
    def user_id(self) -> str | None:
        """The holder's id as text."""
        return self.session.user_id

    @property
    def is_private(self) -> bool:
        """Whether the join asked for ``private: true``."""
        return self.config.is_private

    @property
    def variant(self) -> Variant:
        """How this channel reads broadcasts."""
        binary = BinaryForm.USER_BROADCAST if self.session.reads_user_broadcasts else self.binary
        return Variant(self.session.vsn, self.wire_topic, binary)

    def push(self, event: str, payload: Any) -> None:
        """Send an event to this channel alone."""
        self.push_json(event, codec.dump(payload))

    def push_json(self, event: str, payload_json: bytes) -> None:
        """``push`` of a payload that is JSON already."""
        frame = codec.encode_text(self.session.vsn, None, None, self.wire_topic, event, payload_json)
        self.session.outbox.send(Encoded(frame))

    def push_frame(self, frame: Frame) -> None:
        """Send a frame of the topic to this channel alone."""
        encoded = frame.encoded(self.variant)
        if encoded is not None:
            self.session.outbox.send(encoded)

    def broadcast(self, event: str, payload: Any) -> None:
        """Tell all others on the topic, on every instance; not stored anywhere."""
        self.session.hub.publish(Frame.of(self.topic, event, payload), exclude=self)

    def say(self, act: Act, payload: Any) -> None:
        """Send one of the protocol's own events: close, error."""
        names = (self.join_ref, self.join_ref, self.wire_topic, self.dialect[act])
        self.session.outbox.send(Encoded(codec.encode_text(self.session.vsn, *names, codec.dump(payload))))
