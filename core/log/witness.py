"""A memory of how far the log had come, outside the database.

A restored backup brings the log back to an earlier state without a trace inside it; then two
different changes would get the same offset. The witness, kept in ``PARLEY_HOME``, remembers the
newest change that was committed. When the database knows less at start, a new epoch begins.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.db.models import Max

from core.log import epoch
from core.log.models import Change

# Fixed width, so that one write replaces the other whole.
_WIDTH = 20

_open: tuple[int, int] | None = None  # (pid, file descriptor): a forked child opens its own
_noted = 0


def _folder() -> Path:
    path = Path(settings.PARLEY_HOME) / "witness"
    path.mkdir(exist_ok=True)
    return path


def note(change_id: int) -> None:
    """Remember that this change was committed. One small write, not synced: what a crash of the
    machine takes from the witness only makes it forgiving."""
    global _open, _noted
    if change_id <= _noted and _open is not None and _open[0] == os.getpid():
        return
    if _open is None or _open[0] != os.getpid():
        path = _folder() / str(os.getpid())
        _open = (os.getpid(), os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    os.pwrite(_open[1], str(change_id).zfill(_WIDTH).encode(), 0)
    _noted = change_id


def newest() -> int:
    """The newest change that any process has noted, 0 when none has."""
    found = 0
    for path in _folder().iterdir():
        text = path.read_text()
        if text.isdigit():
            found = max(found, int(text))
    return found


def verify() -> bool:
    """Compare the log with the witness; True when it went back and a new epoch was begun.

    To be called once at start, before anything is served. Also tidies the folder.
    """
    remembered = newest()
    present = Change.objects.aggregate(newest=Max("pk"))["newest"] or 0
    went_back = present < remembered
    if went_back:
        epoch.begin_new_epoch()
    for path in _folder().iterdir():
        path.unlink()
    (_folder() / "start").write_text(str(present).zfill(_WIDTH))
    return went_back
