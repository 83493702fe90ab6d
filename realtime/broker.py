"""How processes hear of each other: the interface, and a broker for one process alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Receiver(Protocol):
    """Whom a broker tells what it hears, on the event loop."""

    def on_message(self, channel: str, data: bytes) -> None:
        """Somebody published on a channel that is subscribed to (perhaps this process itself)."""

    def on_state(self, up: bool) -> None:
        """From now on messages may be missed (down), or all subscriptions stand (up)."""


class Broker(Protocol):
    """At most once, in the order of each publisher, and honest about when it was away."""

    @property
    def is_up(self) -> bool:
        """Whether everything published on subscribed channels arrives right now."""

    async def start(self, receiver: Receiver) -> None:
        """Begin on the running loop. Returns when connected, or after a moment without."""

    async def stop(self) -> None:
        """End."""

    async def subscribe(self, channel: str) -> None:
        """Hear this channel: what is published after this returns arrives, as long as the broker is up."""

    def unsubscribe(self, channel: str) -> None:
        """Hear it no longer."""

    def publish(self, channel: str, data: bytes) -> None:
        """Tell all processes, without waiting. Lost when the broker is away."""


class LocalBus:
    """What the local brokers of one process have in common; a test may lose, double and delay here."""

    def __init__(self) -> None:
        self.brokers: list[LocalBroker] = []
        self.deliver: Callable[[LocalBroker, str, bytes], None] = lambda broker, channel, data: broker.hear(
            channel, data
        )

    def publish(self, channel: str, data: bytes) -> None:
        """Bring it to every broker that is up."""
        for broker in self.brokers:
            if broker.is_up:
                self.deliver(broker, channel, data)


class LocalBroker:
    """A broker without Redis: reaches the hubs that share its bus."""

    def __init__(self, bus: LocalBus | None = None) -> None:
        self._bus = bus or LocalBus()
        self._channels: set[str] = set()
        self._receiver: Receiver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_up = False

    async def start(self, receiver: Receiver) -> None:
        """As ``Broker`` says."""
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._bus.brokers.append(self)
        self.set_up(True)

    async def stop(self) -> None:
        """As ``Broker`` says."""
        self._bus.brokers.remove(self)
        self._receiver = None

    async def subscribe(self, channel: str) -> None:
        """As ``Broker`` says."""
        self._channels.add(channel)

    def unsubscribe(self, channel: str) -> None:
        """As ``Broker`` says."""
        self._channels.discard(channel)

    def publish(self, channel: str, data: bytes) -> None:
        """As ``Broker`` says; while down, what is published is lost."""
        if self.is_up:
            self._bus.publish(channel, data)

    def set_up(self, up: bool) -> None:
        """Lose or regain the connection."""
        self.is_up = up
        if self._receiver is not None:
            self._receiver.on_state(up)

    def hear(self, channel: str, data: bytes) -> None:
        """Something was published; heard in a turn of the loop of its own, as from a network."""
        if self._loop is not None and channel in self._channels:
            self._loop.call_soon(self._tell, channel, data)

    def _tell(self, channel: str, data: bytes) -> None:
        if self._receiver is not None and self.is_up:
            self._receiver.on_message(channel, data)
