"""Where this installation keeps its data and its secrets.

Everything that an installation owns lies below one folder, ``PARLEY_HOME``. Secrets are
made on first use, readable by the owner alone, and never part of the repository.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# A Unix socket's path is limited to 107 bytes on Linux; longer ones fail at bind().
MAX_SOCKET_PATH = 107


def home() -> Path:
    """The data folder, made when missing. Default: ``var`` inside the checkout."""
    path = Path(os.environ.get("PARLEY_HOME") or BASE_DIR / "var").expanduser().resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def secret(name: str) -> str:
    """The secret ``name`` of this installation, made on first use (48 random bytes)."""
    folder = home() / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    try:
        # O_EXCL: of two processes that start together, one writes and both read the same.
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_secret(path)
    with os.fdopen(fd, "w") as file:
        value = secrets.token_urlsafe(48)
        file.write(value)
    return value


def _read_secret(path: Path) -> str:
    value = path.read_text()
    if not value:
        raise RuntimeError(f"{path} is empty. Delete it and start again: a new secret is made.")
    return value


def socket_path(name: str) -> Path:
    """A path for the Unix socket ``name``: in the data folder, or short and in /tmp."""
    run = home() / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    path = run / f"{name}.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(home())).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"parley-{os.getuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    return short / f"{name}.sock"
