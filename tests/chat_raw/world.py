"""People, rooms and commits that a test can take apart: the database first, its announcement later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import connections, transaction

from accounts.models import SignIn, User
from accounts.tokens import make_access_token
from chat import cache as chat_cache
from chat.models import ChatRoom, Membership, membership_id
from core import clock, queries
from core import redis as redis_
from core.ids import uuid7
from core.log.announce import execute

T = TypeVar("T")


def make_user(name: str = "") -> User:
    """A person."""
    name = name or f"user-{uuid7().hex[-12:]}"
    return User.objects.create_user(name, display_name=name.title())


def make_token(user: User) -> str:
    """An access token of a new sign-in of theirs."""
    sign_in = SignIn.objects.create(user=user)
    return make_access_token(user_id=user.pk, sid=sign_in.pk, gen=user.token_generation)


def make_room(*members: User, kind: str = ChatRoom.Kind.GROUP, offset: int = 1, seq: int = 0) -> ChatRoom:
    """A room with these members."""
    room = ChatRoom.objects.create(kind=kind, name="Room", offset=offset, seq=seq, members_count=len(members))
    for user in members:
        add_member(room, user)
    return room


def add_member(room: ChatRoom, user: User, role: str = "member") -> None:
    """Add without a word to the caches."""
    Membership.objects.create(id=membership_id(room.pk, user.pk), room=room, user=user, role=role)


@dataclass
class Commit:
    """A change that is in the database; what Redis is to be told waits in ``pipe``."""

    room: ChatRoom
    pipe: Any

    @property
    def offset(self) -> int:
        """The offset that it took."""
        return self.room.offset

    def announce(self) -> bool:
        """Tell Redis; only then is the change acknowledged."""
        return execute(self.pipe)


def write(room_id: UUID, *, messages: int = 1) -> ChatRoom:
    """Change a room in the database, and tell nobody."""
    with transaction.atomic():
        room = ChatRoom.objects.select_for_update().get(pk=room_id)
        now = clock.now()
        last = room.last_message_at
        room.last_message_at = now if last is None else max(now, last + timedelta(microseconds=1))
        room.offset += 1
        room.seq += messages
        room.save(update_fields=["offset", "seq", "last_message_at"])
    return room


def prepare(room: ChatRoom) -> Commit:
    """What the hook of a commit does: this process knows, the pipeline is ready."""
    pipe = redis_.sync_client().pipeline(transaction=False)
    chat_cache.raise_meta(pipe, room)
    return Commit(room, pipe)


def commit(room_id: UUID) -> int:
    """A whole change, acknowledged; its offset."""
    done = prepare(write(room_id))
    assert done.announce()
    return done.offset


class Paused(Generic[T]):
    """A read that has its value and then waits until the test lets it go on (the first time only)."""

    def __init__(self, read: Callable[..., T]) -> None:
        self._read = read
        self.has_read = threading.Event()
        self._go_on = threading.Event()
        self.calls = 0

    def __call__(self, *arguments: Any) -> T:
        self.calls += 1
        value = self._read(*arguments)
        if not self.has_read.is_set():
            self.has_read.set()
            assert self._go_on.wait(30)
        return value

    def wait(self) -> None:
        """Until it has read."""
        assert self.has_read.wait(30)

    def go_on(self) -> None:
        """Let it go on."""
        self._go_on.set()


def in_thread(call: Callable[[], T]) -> Future[T]:
    """Run a call beside the test, with database connections that are closed at its end."""

    def run() -> T:
        try:
            return call()
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(1)
    future = pool.submit(run)
    pool.shutdown(wait=False)
    return future


class Count:
    """How many queries all threads of this process have asked."""

    def __init__(self) -> None:
        self._from = self._now()
        self._to: int | None = None

    @staticmethod
    def _now() -> int:
        return queries.counts().get((), 0)

    def stop(self) -> None:
        """Count no further."""
        self._to = self._now()

    @property
    def queries(self) -> int:
        """The number so far."""
        return (self._now() if self._to is None else self._to) - self._from


@contextmanager
def counting() -> Iterator[Count]:
    """``with counting() as count: …; assert count.queries == 0``."""
    count = Count()
    yield count
    count.stop()
