"""What one process tells all others to do with their sockets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from realtime.close_codes import CloseCode


@dataclass(frozen=True, slots=True)
class Order:
    """``end_sign_in``: the sockets of sign-in ``sid``; ``end_user``: those of ``user_id``, closed with
    ``code``; ``recheck``: the right of ``user_id`` (everybody's when empty) to be on ``topic``."""

    act: str
    sid: str = ""
    user_id: str = ""
    topic: str = ""
    code: int = CloseCode.TOKEN_REVOKED

    def pack(self, instance: str) -> bytes:
        """For the control channel."""
        return orjson.dumps({"from": instance, **asdict(self)})


def unpack(data: bytes) -> tuple[str, Order]:
    """Who gave an order, and the order. Raises ValueError for anything else."""
    try:
        fields: dict[str, Any] = orjson.loads(data)
        return fields.pop("from"), Order(**fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("not an order") from error
