"""The web worker: uvicorn on a socket that the supervisor bound."""

from __future__ import annotations

import faulthandler
import socket
from importlib import import_module
from types import FrameType

import uvicorn
from django.conf import settings

# Seconds that the slowest answer and the sockets get to finish when the server stops.
DRAIN_SECONDS = 10


class Server(uvicorn.Server):
    """uvicorn's server, which also ends when its event loop hangs while stopping."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; past the deadline the process ends, with every thread's traceback in its output."""
        faulthandler.dump_traceback_later(DRAIN_SECONDS + 4, exit=True)
        super().handle_exit(sig, frame)


def serve(fd: int, gate: int | None = None) -> None:
    """Serve on the inherited listening socket ``fd`` until SIGTERM, once the pipe ``gate`` is closed."""
    # The slow part of starting, done while others prepare the database.
    import_module(settings.ROOT_URLCONF)
    if gate is not None:
        with open(gate, "rb") as pipe:  # noqa: PTH123 - a file descriptor
            pipe.read()
    config = uvicorn.Config(
        "config.asgi:application",
        loop="uvloop",
        http="httptools",
        ws=settings.WEBSOCKET_PROTOCOL,
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=settings.MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        # Longer than the longest polling interval of an open tab, so that polls share a connection.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=settings.LISTEN_BACKLOG,
        proxy_headers=settings.BEHIND_PROXY,
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
    )
    Server(config).run(sockets=[socket.socket(fileno=fd)])
