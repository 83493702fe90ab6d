"""What a join asks for, read from its payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.errors import Invalid

# Longer epochs than ours are only echoed back as "not this one".
_MAX_EPOCH = 64


@dataclass(frozen=True, slots=True)
class Recover:
    """Where the client stands: it has everything up to ``offset`` of the log of ``epoch``."""

    epoch: str
    offset: int


@dataclass(frozen=True, slots=True)
class JoinConfig:
    """``is_given``: the payload had a ``config`` at all. ``echo``: own broadcasts come back."""

    is_given: bool = False
    echo: bool = False
    ack: bool = False
    is_private: bool = False
    recover: Recover | None = None
    access_token: str | None = None


def parse(payload: Any) -> JoinConfig:
    """The config of a join's payload, which may be ``{}``. Raises Invalid."""
    if not isinstance(payload, dict):
        raise Invalid("The payload of a join must be an object.")
    token = payload.get("access_token")
    if token is not None and not isinstance(token, str):
        raise Invalid("access_token must be a string.", attr="access_token")
    given = payload.get("config")
    config = _object(given, "config")
    # realtime-js puts its bindings into the config, others beside it.
    if config.get("postgres_changes") or payload.get("postgres_changes"):
        raise Invalid("There are no postgres_changes here; listen to the events of the topic.", attr="postgres_changes")
    broadcast = _object(config.get("broadcast"), "config.broadcast")
    _object(config.get("presence"), "config.presence")
    return JoinConfig(
        is_given=given is not None,
        echo=_flag(broadcast.get("self"), "config.broadcast.self"),
        ack=_flag(broadcast.get("ack"), "config.broadcast.ack"),
        is_private=_flag(config.get("private"), "config.private"),
        recover=_recover(config.get("recover")),
        access_token=token or None,
    )


def _object(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be an object.", attr=name)
    return value


def _flag(value: Any, name: str) -> bool:
    # Some clients write booleans as strings.
    if value in (None, False, "false", ""):
        return False
    if value in (True, "true"):
        return True
    raise Invalid(f"{name} must be true or false.", attr=name)


def _recover(value: Any) -> Recover | None:
    position = _object(value, "config.recover")
    if not position:
        return None
    epoch, offset = position.get("epoch"), position.get("offset")
    good_offset = isinstance(offset, int) and not isinstance(offset, bool) and offset >= 0
    if not isinstance(epoch, str) or len(epoch) > _MAX_EPOCH or not isinstance(offset, int) or not good_offset:
        raise Invalid("config.recover must be {epoch, offset}.", attr="config.recover")
    return Recover(epoch, offset)
