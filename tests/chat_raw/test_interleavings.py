"""Fills and commits in every order that Hypothesis can think of: nobody is ever told an older state
after a newer one was acknowledged to them.

The real coroutines of the caches run, two simulated processes with a copy each, on a real Redis and
a real database. Only the scheduler is the test's: a read stops before and after each of its steps,
a commit falls apart into its write, what the process does at once, and its announcement; and the
announcement may overtake others, reach the other process late, or get lost.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from chat import cache as chat_cache
from chat.cache import Page
from chat.cache.messages import _MessagesLookup
from chat.models import ChatRoom, Membership
from chat.raw import me_meta
from core import cache
from core import redis as redis_
from core.cache import lookup as lookups
from core.cache import shared, threads
from core.cache.local import LocalCache
from core.cache_keys import CACHE_GENERATION, CHAT_ME, CHAT_MEMBER, CHAT_MESSAGES, CHAT_META
from core.log.epoch import current_epoch
from tests.chat_raw import world

KINDS = ["meta", "list", "me", "role"]
fired: Counter[str] = Counter()


class _Pause:
    def __await__(self) -> Generator[None, None, None]:
        yield


async def step(call: Callable[..., Any], *arguments: Any) -> Any:
    """A step of a read: it may be overtaken before and after."""
    await _Pause()
    result = call(*arguments)
    await _Pause()
    return result


class SteppedPipeline:
    """redis.asyncio's pipeline, for a scheduler that is not asyncio's."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipe, name)

    async def execute(self) -> Any:
        return await step(self._pipe.execute)


class SteppedClient:
    """redis.asyncio's client, likewise."""

    def pipeline(self, **options: Any) -> SteppedPipeline:
        return SteppedPipeline(redis_.sync_client().pipeline(**options))


async def stepped_look_up(lookup: lookups.Lookup[Any], aload: Callable[[], Any]) -> Any:
    """``alook_up`` without the sharing of loads, which needs asyncio (it is tested elsewhere)."""
    return await lookups._walk(lookup, aload)


@dataclass(eq=False)
class Process:
    """What a server process has of its own."""

    name: str
    copy: LocalCache = field(default_factory=LocalCache)
    state: shared.State = field(default_factory=shared.State)
    # What this process must not fall behind: acknowledged to it, or told by it.
    known: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Code in here is this process's."""
        self.copy.extend(time.monotonic() + 3600)
        with (
            mock.patch.object(lookups, "local", self.copy),
            mock.patch.object(cache, "copies", self.copy),
            mock.patch.object(shared, "local", self.copy),
            mock.patch.object(shared, "state", self.state),
            mock.patch.object(cache, "alook_up", stepped_look_up),
            mock.patch.object(cache, "run_in_thread", step),
            mock.patch.object(lookups, "_aask", lambda command: step(lookups._ask, command)),
            mock.patch.object(threads, "run", step),
            mock.patch.object(redis_, "async_client", SteppedClient),
        ):
            yield


@dataclass(eq=False)
class Read:
    """A question under way."""

    process: Process
    kind: str
    least: int
    steps: Coroutine[Any, Any, Any]


@dataclass(eq=False)
class Change:
    """A commit whose announcement is under way."""

    process: Process
    kind: str
    version: int
    pipe: Any
    keys: list[str]


class Interleavings(RuleBasedStateMachine):
    """Versions of a room ("offset") and of a membership ("role"), written and read in pieces."""

    @initialize(focus=st.sampled_from([["meta"], ["list"], ["me"], ["role"], KINDS]))
    def begin(self, focus: list[str]) -> None:
        self.focus = focus
        redis_.sync_client().flushall()
        redis_.sync_client().set(CACHE_GENERATION.of(), "first")
        self.user = world.make_user()
        self.room = world.make_room(self.user)
        self.processes = [Process("one"), Process("two")]
        self.reads: list[Read] = []
        self.changes: list[Change] = []
        self.undelivered: list[Change] = []
        self.versions = Counter({"offset": 1, "role": 0})
        # Acknowledged to whoever reads Redis without a copy of his own.
        self.acknowledged = Counter({"offset": 1})

    # --- reading --------------------------------------------------------------------------

    @rule(number=st.integers(0, 3), who=st.integers(0, 1), steps=st.integers(0, 6))
    def start_reading(self, number: int, who: int, steps: int) -> None:
        fired["start"] += 1
        self.start(self.focus[number % len(self.focus)], self.processes[who])
        self.go_on_reading(len(self.reads) - 1, steps)

    @rule(number=st.integers(0, 3), who=st.integers(0, 1))
    def read_without_a_pause(self, number: int, who: int) -> None:
        fired["whole"] += 1
        self.start(self.focus[number % len(self.focus)], self.processes[who])
        self.finish(self.reads[-1])

    @rule(
        number=st.integers(0, 3),
        reader=st.integers(0, 1),
        steps=st.integers(2, 8),
        writers=st.lists(st.integers(0, 1), min_size=1, max_size=2),
        heard=st.booleans(),
        forgets=st.booleans(),
    )
    def be_overtaken(
        self, number: int, reader: int, steps: int, writers: list[int], heard: bool, forgets: bool
    ) -> None:
        """The case that matters most, whole: a fill stalls somewhere, others commit, it goes on, all look."""
        fired["overtaken"] += 1
        for what in (CHAT_META, CHAT_MESSAGES, CHAT_ME, CHAT_MEMBER):
            self.expire(what)
        self.processes[reader].copy.clear()
        self.start_reading(number, reader, steps)
        stalled = self.reads[-1] if self.reads else None
        for writer in writers:
            self.commit(writer, heard)
        if forgets:
            self.forget_everything()
        if stalled in self.reads:
            self.finish(stalled)
        for process in (0, 1):
            self.read_without_a_pause(number, process)

    def start(self, kind: str, process: Process) -> None:
        read = {"meta": self.read_meta, "list": self.read_list, "me": self.read_me, "role": self.read_role}[kind]
        what = "role" if kind == "role" else "offset"
        least = process.known[what]
        if kind in {"me", "list"}:
            # These have no copy in the process: what Redis knows they know.
            least = max(least, self.acknowledged[what])
        self.reads.append(Read(process, kind, least, read()))

    @rule(index=st.integers(0, 5), steps=st.integers(1, 6))
    def go_on_reading(self, index: int, steps: int) -> None:
        if not self.reads:
            return
        read = self.reads[index % len(self.reads)]
        for _ in range(steps):
            if not self.advance(read):
                return

    def finish(self, read: Read) -> None:
        while self.advance(read):
            pass

    def advance(self, read: Read) -> bool:
        try:
            with read.process.running():
                read.steps.send(None)
        except StopIteration as answer:
            self.reads.remove(read)
            self.answered(read, answer.value)
            return False
        return True

    def answered(self, read: Read, value: int) -> None:
        fired[f"answered {read.kind}"] += 1
        assert value >= read.least, f"{read.kind} of process {read.process.name}: {value} after {read.least}"
        if read.kind == "meta":
            # What a process has told it never takes back.
            read.process.known["offset"] = max(read.process.known["offset"], value)

    async def read_meta(self) -> int:
        found = await chat_cache.aget_meta(self.room.pk)
        assert found is not None
        return found.offset

    async def read_list(self) -> int:
        def load() -> Page:
            offset = ChatRoom.objects.values_list("offset", flat=True).get(pk=self.room.pk)
            return Page(offset, b"%d" % offset)

        async def aload() -> Page:
            return await step(load)  # type: ignore[no-any-return]  # step returns what load does

        page = await stepped_look_up(_MessagesLookup(self.room.pk, 10), aload)
        assert int(page.body) == page.offset
        return int(page.offset)

    async def read_me(self) -> int:
        body = orjson.loads(await me_meta.answer(self.user.pk, ""))
        return int(body["changed"][str(self.room.pk)])

    async def read_role(self) -> int:
        role = await chat_cache.amember_role(self.room.pk, self.user.pk)
        assert role is not None
        return 0 if role == "member" else int(role)

    # --- writing --------------------------------------------------------------------------

    @rule(who=st.integers(0, 1), heard=st.booleans())
    def commit(self, who: int, heard: bool) -> None:
        self.write(who)
        self.announce(-1)
        if heard:
            self.deliver(-1)

    @rule(who=st.integers(0, 1))
    def write(self, who: int) -> None:
        kind = "role" if self.focus == ["role"] or (len(self.focus) > 1 and self.versions["offset"] % 2) else "offset"
        fired[f"write {kind}"] += 1
        process = self.processes[who]
        self.versions[kind] += 1
        version = self.versions[kind]
        pipe = redis_.sync_client().pipeline(transaction=False)
        if kind == "offset":
            room = world.write(self.room.pk)
            assert room.offset == version
            with process.running():
                chat_cache.raise_meta(pipe, room)
            keys = [CHAT_META.of(room_id=self.room.pk)]
        else:
            Membership.objects.filter(room=self.room).update(role=str(version))
            with process.running():
                chat_cache.forget_members(pipe, self.room.pk, [self.user.pk])
            keys = [CHAT_MEMBER.of(room_id=self.room.pk, user_id=self.user.pk), CHAT_ME.of(user_id=self.user.pk)]
        self.changes.append(Change(process, kind, version, pipe, keys))

    @rule(index=st.integers(0, 5))
    def announce(self, index: int) -> None:
        if not self.changes:
            return
        fired["announce"] += 1
        change = self.changes.pop(index % len(self.changes))
        change.pipe.execute()
        change.process.known[change.kind] = max(change.process.known[change.kind], change.version)
        self.acknowledged[change.kind] = max(self.acknowledged[change.kind], change.version)
        self.undelivered.append(change)

    @rule(index=st.integers(0, 5))
    def lose_the_announcement(self, index: int) -> None:
        if not self.changes:
            return
        fired["lose"] += 1
        change = self.changes.pop(index % len(self.changes))
        with change.process.running():
            cache.commands_lost()
        # The writer has its answer all the same; the other process learns it by lifetimes alone.
        change.process.known[change.kind] = max(change.process.known[change.kind], change.version)

    @rule(index=st.integers(0, 5))
    def deliver(self, index: int) -> None:
        if not self.undelivered:
            return
        fired["deliver"] += 1
        change = self.undelivered.pop(index % len(self.undelivered))
        for process in self.processes:
            if process is change.process:
                process.copy.unbar(change.keys)
            else:
                process.copy.drop(change.keys)
                process.known[change.kind] = max(process.known[change.kind], change.version)

    # --- what Redis does ------------------------------------------------------------------

    @rule(what=st.sampled_from([CHAT_META, CHAT_MESSAGES, CHAT_ME, CHAT_MEMBER]))
    def expire(self, what: Any) -> None:
        fired["expire"] += 1
        redis_.sync_client().delete(what.of(room_id=self.room.pk, user_id=self.user.pk, limit=10))

    @rule()
    def forget_everything(self) -> None:
        fired["forget"] += 1
        redis_.sync_client().flushall()
        # As the listeners do when they meet a Redis that they do not know.
        for process in self.processes:
            with process.running():
                pipe = redis_.sync_client().pipeline(transaction=False)
                shared.queue_new_generation(pipe)
                pipe.execute()
                process.copy.clear()

    @invariant()
    def nothing_stands_in_redis_that_was_not_written(self) -> None:
        text = redis_.sync_client().get(CHAT_META.of(room_id=self.room.pk)) if hasattr(self, "room") else None
        assert text is None or orjson.loads(text)["offset"] <= self.versions["offset"]

    def teardown(self) -> None:
        for read in list(getattr(self, "reads", [])):
            self.finish(read)


@pytest.mark.django_db(transaction=True)
def test_nobody_is_told_an_older_state_after_a_newer_one_was_acknowledged() -> None:
    current_epoch()
    random.seed(0)
    fired.clear()
    run_state_machine_as_test(
        Interleavings,
        settings=settings(
            max_examples=120,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    answered = [f"answered {kind}" for kind in KINDS]
    for name in [
        "start",
        "whole",
        *answered,
        "write offset",
        "write role",
        "announce",
        "lose",
        "deliver",
        "expire",
        "forget",
    ]:
        # Chance decides how often: what matters is that no rule sleeps.
        assert fired[name] > 10, f"{name} happened {fired[name]} times: {fired}"
