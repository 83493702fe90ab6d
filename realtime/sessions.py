"""Who is connected to this process, by person, sign-in and address."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from realtime.authenticator import Principal
from realtime.stats import stats

if TYPE_CHECKING:
    from realtime.session import Session

# Seconds for which a sign-in is judged a second time after it was ended: its end and the news for
# the caches travel apart, and whoever comes between the two may still have been believed.
DOUBT_SECONDS = 2.0
_MAX_ENDED = 10_000


class Sessions:
    """All sessions of a process."""

    def __init__(self) -> None:
        self._all: set[Session] = set()
        self._by_user: dict[str, set[Session]] = {}
        self._by_sid: dict[str, set[Session]] = {}
        self._addresses: Counter[str] = Counter()
        self._ended: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[Session]:
        """Every session."""
        return list(self._all)

    def of_user(self, user_id: str) -> list[Session]:
        """Those of a person."""
        return list(self._by_user.get(user_id, ()))

    def of_sign_in(self, sid: str) -> list[Session]:
        """Those of a sign-in."""
        return list(self._by_sid.get(sid, ()))

    def count_of_address(self, address: str) -> int:
        """How many come from there."""
        return self._addresses[address]

    def add(self, session: Session) -> None:
        """A socket was opened."""
        self._all.add(session)
        self._addresses[session.address] += 1
        stats.sockets = len(self._all)
        stats.sockets_opened += 1

    def remove(self, session: Session) -> None:
        """It was closed."""
        if session not in self._all:
            return
        self._all.discard(session)
        self._addresses[session.address] -= 1
        if not self._addresses[session.address]:
            del self._addresses[session.address]
        if session.principal is not None:
            self._unindex(session, session.principal)
        stats.sockets = len(self._all)

    def sign_in(self, session: Session, principal: Principal) -> bool:
        """The session is this principal's from now on; True when that is to be judged again soon."""
        if session.principal is not None:
            self._unindex(session, session.principal)
        session.principal = principal
        user_id, sid = str(principal.user_id), str(principal.sid)
        if session in self._all:
            self._by_user.setdefault(user_id, set()).add(session)
            self._by_sid.setdefault(sid, set()).add(session)
        after = time.monotonic() - DOUBT_SECONDS
        return max(self._ended.get(user_id, 0.0), self._ended.get(sid, 0.0)) > after

    def ended(self, name: str) -> None:
        """A person's (or a sign-in's) tokens were ended just now."""
        self._ended.pop(name, None)
        self._ended[name] = time.monotonic()
        while len(self._ended) > _MAX_ENDED:
            del self._ended[next(iter(self._ended))]

    def _unindex(self, session: Session, principal: Principal) -> None:
        for index, key in ((self._by_user, str(principal.user_id)), (self._by_sid, str(principal.sid))):
            if (found := index.get(key)) is not None:
                found.discard(session)
                if not found:
                    del index[key]
