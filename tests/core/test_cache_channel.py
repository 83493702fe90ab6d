"""The invalidation channel: copies while it is up, none while it is not, and never an old one."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest

from core import cache
from core import redis as redis_
from core.cache import shared
from core.cache.channel import PROOF_SECONDS
from core.cache.local import local
from core.cache_keys import CACHE_GENERATION, INVALIDATE_CHANNEL, USER_ROLE
from core.log.announce import execute
from tests.support.services import Valkey

KEY = USER_ROLE.of(user_id="somebody")


class Truth:
    def __init__(self) -> None:
        self.value = b"1"
        self.asked = 0
        self.pause: asyncio.Event | None = None
        self.has_read = asyncio.Event()

    async def load(self) -> bytes:
        self.asked += 1
        value = self.value
        self.has_read.set()
        if self.pause is not None:
            await self.pause.wait()
        return value


@pytest.fixture
def truth() -> Truth:
    return Truth()


async def get(truth: Truth) -> bytes:
    return await cache.aget_or_load(KEY, USER_ROLE, truth.load)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def tell(*keys: str, sender: str = "another process") -> None:
    redis_.sync_client().publish(INVALIDATE_CHANNEL, "\n".join([sender, *keys]))


async def test_a_warm_answer_needs_neither_redis_nor_database(channel: Valkey, truth: Truth) -> None:
    await get(truth)
    commands = redis_.sync_client().info("commandstats")
    assert [await get(truth) for _ in range(5)] == [b"1"] * 5
    after = redis_.sync_client().info("commandstats")
    assert truth.asked == 1
    assert after["cmdstat_eval"]["calls"] == commands["cmdstat_eval"]["calls"]


async def test_questions_that_come_together_share_one_load(channel: Valkey, truth: Truth) -> None:
    answers = await asyncio.gather(*[get(truth) for _ in range(20)])
    assert set(answers) == {b"1"}
    assert truth.asked == 1


async def test_one_that_goes_away_does_not_take_the_answer_from_the_others(channel: Valkey, truth: Truth) -> None:
    truth.pause = asyncio.Event()
    first, second = asyncio.create_task(get(truth)), asyncio.create_task(get(truth))
    await truth.has_read.wait()
    first.cancel()
    truth.pause.set()
    assert await second == b"1"
    assert truth.asked == 1


async def test_an_exception_reaches_everyone_who_waited_and_is_not_kept(channel: Valkey, truth: Truth) -> None:
    async def fail() -> bytes:
        raise LookupError

    answers = await asyncio.gather(
        *[cache.aget_or_load(KEY, USER_ROLE, fail) for _ in range(3)], return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [LookupError] * 3
    assert await get(truth) == b"1"


async def test_nobody_joins_a_load_that_began_before_a_change(channel: Valkey, truth: Truth) -> None:
    truth.pause = asyncio.Event()
    before = asyncio.create_task(get(truth))
    await truth.has_read.wait()
    truth.value = b"2"
    await asyncio.to_thread(cache.invalidate, KEY)
    pause, truth.pause = truth.pause, None
    assert await get(truth) == b"2"
    pause.set()
    assert await before == b"2"
    assert await get(truth) == b"2"


async def test_the_process_that_changes_something_is_right_at_once(channel: Valkey, truth: Truth) -> None:
    await get(truth)
    for number in range(20):
        truth.value = b"%d" % number
        # No await in between: nothing can have come over the channel.
        cache.invalidate(KEY)
        assert cache.local_get(KEY) is None
        assert await get(truth) == truth.value


async def test_another_process_drops_its_copy_when_it_hears_of_the_change(channel: Valkey, truth: Truth) -> None:
    await get(truth)
    truth.value = b"2"
    redis_.sync_client().delete(KEY)
    tell(KEY)
    await until(lambda: cache.local_get(KEY) is None)
    assert await get(truth) == b"2"


async def test_a_queued_invalidation_keeps_the_copy_closed_until_redis_has_it(channel: Valkey, truth: Truth) -> None:
    await get(truth)
    pipe = redis_.sync_client().pipeline(transaction=False)
    truth.value = b"2"
    cache.invalidate(KEY, pipe=pipe)
    # Redis does not know yet and answers with the old value; the copy must not take it.
    assert await get(truth) == b"1"
    assert cache.local_get(KEY) is None
    assert execute(pipe)
    assert await get(truth) == b"2"
    await until(lambda: KEY not in local._barred)
    assert await get(truth) == b"2"
    assert cache.local_get(KEY) == b"2"


async def test_a_killed_redis_closes_the_copies_at_once_and_every_answer_stays_right(
    channel: Valkey, truth: Truth
) -> None:
    await get(truth)
    assert cache.local_get(KEY) == b"1"
    channel.kill()
    await until(lambda: not cache.is_up(), seconds=1.0)
    for number in range(5):
        truth.value = b"down %d" % number
        cache.invalidate(KEY)
        assert await get(truth) == truth.value
    channel.start()
    truth.value = b"up"
    await until(cache.is_up)
    assert await get(truth) == b"up"
    await until(lambda: cache.local_get(KEY) is not None or not cache.is_up())
    assert cache.local_get(KEY) == b"up"


async def test_what_a_restarted_redis_remembers_is_worthless(channel: Valkey, truth: Truth) -> None:
    await get(truth)
    held = redis_.sync_client().get(KEY)
    assert held is not None
    generation = redis_.sync_client().get(CACHE_GENERATION.of())
    channel.kill()
    await until(lambda: not cache.is_up(), seconds=1.0)
    truth.value = b"2"
    cache.invalidate(KEY)
    channel.start()
    # As if Redis had come back with what it knew before the change.
    redis_.sync_client().set(KEY, held)
    await until(cache.is_up)
    assert redis_.sync_client().get(CACHE_GENERATION.of()) != generation
    assert await get(truth) == b"2"


async def test_a_redis_that_hangs_closes_the_copies_before_the_proof_is_old(channel: Valkey, truth: Truth) -> None:
    await get(truth)
    os.kill(channel.pid, signal.SIGSTOP)
    try:
        await until(lambda: not cache.is_up(), seconds=PROOF_SECONDS + 0.5)
        assert cache.local_get(KEY) is None
        truth.value = b"2"
        assert await get(truth) == b"2"
    finally:
        os.kill(channel.pid, signal.SIGCONT)
    await until(cache.is_up)
    assert await get(truth) == b"2"


async def test_a_blocked_loop_uses_no_copy_that_it_cannot_have_heard_of(channel: Valkey, truth: Truth) -> None:
    await get(truth)
    assert cache.local_get(KEY) == b"1"
    local.extend(time.monotonic() - 0.001)  # as after a pause longer than a proof lasts
    assert cache.local_get(KEY) is None


async def test_a_lost_invalidation_is_made_good_by_the_listener(channel: Valkey, truth: Truth) -> None:
    await get(truth)
    generation = redis_.sync_client().get(CACHE_GENERATION.of())
    truth.value = b"2"
    cache.commands_lost()
    assert cache.local_get(KEY) is None
    await until(lambda: not shared.state.lost)
    assert redis_.sync_client().get(CACHE_GENERATION.of()) != generation
    assert await get(truth) == b"2"


async def test_a_new_generation_clears_the_copies_of_every_process(channel: Valkey, truth: Truth) -> None:
    await get(truth)
    tell(shared.ALL)
    await until(lambda: cache.local_get(KEY) is None)


async def test_stopping_leaves_no_task_and_no_copy(own_redis: Valkey, truth: Truth) -> None:
    tasks = len(asyncio.all_tasks())
    await cache.start_listener()
    await get(truth)
    await cache.stop_listener()
    assert cache.local_get(KEY) is None
    assert len(asyncio.all_tasks()) == tasks
    # Without a listener there are no copies, but Redis serves.
    truth.value = b"2"
    assert await get(truth) == b"1"
    await redis_.async_client().aclose()


async def test_starting_without_redis_waits_no_longer_than_told_and_goes_on_trying(
    own_redis: Valkey, truth: Truth
) -> None:
    own_redis.kill()
    began = time.monotonic()
    assert not await cache.start_listener(wait=0.2)
    assert time.monotonic() - began < 1.0
    assert await get(truth) == b"1"
    own_redis.start()
    await until(cache.is_up)
    await cache.stop_listener()
    await redis_.async_client().aclose()
