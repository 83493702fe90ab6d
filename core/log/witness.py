"""A memory of how far the log had come, outside the database.

A restored backup brings the log back to an earlier state without a trace inside it; then two
different changes would get the same offset. The witness, kept in ``PARLEY_HOME``, remembers the
newest change that was committed in each epoch. When the database knows less of its epoch at
start, a new one begins. (In its epoch: of two hosts on one restored database the first to start
begins the new epoch, and the second, which remembers as much of the old one, leaves it alone.)
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.db.models import Max

from core.log import epoch
from core.log.models import Change

# Fixed width, so that one write replaces the other whole.
_EPOCH_WIDTH = 12
_WIDTH = 20

_open: tuple[int, int] | None = None  # (pid, file descriptor): a forked child opens its own
_noted = 0


def _folder() -> Path:
    path = Path(settings.PARLEY_HOME) / "witness"
    path.mkdir(exist_ok=True)
    return path


def _line(epoch_name: str, change_id: int) -> str:
    return f"{epoch_name:<{_EPOCH_WIDTH}} {change_id:0{_WIDTH}d}\n"


def note(change_id: int) -> None:
    """Remember that this change was committed. One small write, not synced: what a crash of the
    machine takes from the witness only makes it forgiving."""
    global _open, _noted
    if change_id <= _noted and _open is not None and _open[0] == os.getpid():
        return
    if _open is None or _open[0] != os.getpid():
        path = _folder() / str(os.getpid())
        _open = (os.getpid(), os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    os.pwrite(_open[1], _line(epoch.current_epoch(), change_id).encode(), 0)
    _noted = change_id


def remembered() -> dict[str, int]:
    """The newest change that any process has noted, by epoch."""
    found: dict[str, int] = {}
    for path in _folder().iterdir():
        for line in path.read_text().splitlines():
            name, _, number = line.partition(" ")
            number = number.strip()
            if number.isdigit():
                found[name] = max(found.get(name, 0), int(number))
    return found


def verify() -> bool:
    """Compare the log with the witness; True when it went back and a new epoch was begun.

    To be called once at start, before anything is served. Also tidies the folder.
    """
    known = remembered()
    present = Change.objects.aggregate(newest=Max("pk"))["newest"] or 0
    went_back = present < known.get(epoch.current_epoch(), 0)
    if went_back:
        epoch.begin_new_epoch()
    current = epoch.current_epoch()
    known[current] = max(known.get(current, 0), present)
    kept = _folder() / "start"
    fresh = kept.with_suffix(".new")
    fresh.write_text("".join(_line(name, number) for name, number in known.items()))
    fresh.replace(kept)
    for path in _folder().iterdir():
        if path != kept:
            path.unlink()
    return went_back
