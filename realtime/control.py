"""Ends what somebody may no longer have: here at once, and on every other process by the control channel.

All of it may be called from any thread. With ``pipe`` (that of a commit's hook) the message joins
that pipeline; without, it is sent now. Where Redis is away the others find out by asking the
database again (``realtime.sweep``).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core import redis as redis_
from core.cache_keys import CONTROL_CHANNEL
from realtime import envelope, runtime
from realtime.close_codes import CloseCode
from realtime.orders import Order


def end_sign_in(sid: UUID, *, pipe: Any = None) -> None:
    """Close the sockets of one sign-in."""
    _give(Order("end_sign_in", sid=str(sid)), pipe)


def end_user(user_id: UUID, code: int = CloseCode.TOKEN_REVOKED, *, pipe: Any = None) -> None:
    """Close all sockets of a person with this code."""
    _give(Order("end_user", user_id=str(user_id), code=int(code)), pipe)


def end_topic(user_id: UUID | None, topic: str, *, pipe: Any = None) -> None:
    """Somebody (None: everybody) may have lost the right to be on a topic: whoever has is off it before
    anything more is sent there; whoever still has it stays."""
    _give(Order("recheck", user_id="" if user_id is None else str(user_id), topic=topic), pipe)


def _give(order: Order, pipe: Any) -> None:
    hub = runtime.hub()
    if hub is not None:
        hub.hand_over(lambda: hub.obey(order))
    data = order.pack(envelope.INSTANCE if hub is None else hub.instance)
    if pipe is not None:
        pipe.publish(CONTROL_CHANNEL, data)
        return
    try:
        with redis_.breaker.guard():
            redis_.sync_client().publish(CONTROL_CHANNEL, data)
    except redis_.UNAVAILABLE:
        return
