"""The epoch: which incarnation of the log an offset belongs to."""

from __future__ import annotations

import secrets

from core.log.models import Installation

# No letters that look alike; 32 symbols make 5 bits each.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789x"
_LENGTH = 8

_current: Installation | None = None


def _token() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def _installation() -> Installation:
    global _current
    if _current is None:
        _current, _ = Installation.objects.get_or_create(id=1, defaults={"epoch": _token(), "origin": _token()})
    return _current


def is_known() -> bool:
    """Whether ``current_epoch`` answers without a query (it may then be asked on an event loop)."""
    return _current is not None


def current_epoch() -> str:
    """The log's epoch, at most 12 characters. Read once per process: it changes only at start."""
    return _installation().epoch


def origin() -> str:
    """The name of this installation in the order of a timeline."""
    return _installation().origin


def begin_new_epoch() -> str:
    """Begin a new epoch: every position of the old one is lost to its readers."""
    installation = _installation()
    installation.epoch = _token()
    installation.save(update_fields=["epoch"])
    return installation.epoch


def forget() -> None:
    """Read the row again next time (after the database was replaced under a running process)."""
    global _current
    _current = None
