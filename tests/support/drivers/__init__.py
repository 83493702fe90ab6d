"""Clients for tests, on real libraries (httpx, websockets), that write down all they do and see.

``RestUser`` is a signed-in person; ``SocketUser`` and ``PollUser`` are that person's devices on the
two transports. None of them judges: the checker does, from their histories.
"""

from tests.support.drivers.poll import PollUser
from tests.support.drivers.rest import NoAnswer, Refusal, RestUser
from tests.support.drivers.socket import SocketUser

__all__ = ["NoAnswer", "PollUser", "Refusal", "RestUser", "SocketUser"]
