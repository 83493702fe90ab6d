"""What runs in a web process beside the requests: started and stopped with the server."""

from __future__ import annotations

import structlog

from core import cache
from core import redis as redis_
from core.log import epoch, executor
from realtime.broker import Broker
from realtime.hub import Hub
from realtime.redis_broker import RedisBroker

logger = structlog.get_logger(__name__)

_hub: Hub | None = None


def hub() -> Hub | None:
    """The hub of this process; None where no sockets are served (task worker, commands)."""
    return _hub


async def start(broker: Broker | None = None) -> None:
    """Start the commit thread, the listener of invalidations and the hub. ``broker``: another than Redis'."""
    global _hub
    if _hub is not None:
        return
    # The first who asks for the epoch reads it from the database, and that must not be the loop.
    await cache.run_in_thread(epoch.current_epoch)
    await cache.start_listener()
    executor.start()
    new = Hub(broker or RedisBroker())
    await new.start()
    _hub = new
    logger.info("realtime_started", instance=new.instance, broker_up=new.broker.is_up)


async def stop() -> None:
    """Stop it all. The sockets were told to reconnect by the server before (``realtime.protocol``)."""
    global _hub
    old, _hub = _hub, None
    if old is None:
        return
    for session in old.sessions.all():
        session.leave_server()
    # What waits to be committed still is told to whoever listens elsewhere.
    await cache.run_in_thread(executor.stop)
    await old.stop()
    await cache.stop_listener()
    await redis_.async_client().aclose()
