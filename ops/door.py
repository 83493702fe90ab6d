"""The listening socket, and the settings that decide who may come in."""

from __future__ import annotations

import errno
import ipaddress
import socket

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ops.problems import StartProblem

MAX_PORT = 65_535


def check_settings() -> None:
    """Raise StartProblem for settings that cannot be read or that contradict each other."""
    try:
        settings.PARLEY_HOME  # noqa: B018 - the first look reads them all
    except ImproperlyConfigured as error:
        raise StartProblem(str(error)) from error
    except OSError as error:
        raise StartProblem(
            f"The data folder cannot be used ({error.strerror}: {error.filename}). "
            "Set PARLEY_HOME to a folder that can be written."
        ) from error
    if settings.PARLEY_ENV not in {"demo", "production"}:
        raise StartProblem(f"PARLEY_ENV is '{settings.PARLEY_ENV}'. Set it to demo or production.")
    if settings.PARLEY_DEMO and not is_loopback(settings.HOST):
        raise StartProblem(
            f"The demo prints its passwords, so it does not listen on {settings.HOST}. "
            "Leave PARLEY_HOST out, or set PARLEY_ENV=production."
        )
    if settings.WEB_WORKERS < 1:
        raise StartProblem(f"WEB_WORKERS is {settings.WEB_WORKERS}. Set it to 1 or more, or leave it out.")
    on_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if on_sqlite and settings.WEB_WORKERS > 1:
        raise StartProblem(
            f"WEB_WORKERS is {settings.WEB_WORKERS}, and on SQLite there is one web worker. "
            "Leave WEB_WORKERS out, or set DATABASE_URL to a PostgreSQL."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """The listening socket that all web workers share. Port 0: any that is free. Raises StartProblem."""
    if not 0 <= port <= MAX_PORT:
        raise StartProblem(f"PORT is {port}. Choose one from 1024 to {MAX_PORT}.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StartProblem(_why_not(host, port, error)) from error
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise StartProblem(_why_not(host, port, error)) from error
    sock.setblocking(False)
    return sock


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is in use. Stop what listens there, or choose another: PORT={port + 1} make run"
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than this user has. Choose one from 1024 up: PORT=8000 make run"
    return f"{host}:{port} cannot be listened on ({error.strerror or error}). Check PARLEY_HOST and PORT."
