"""A second web process for tests: told over stdin what to do, one JSON object a line.

It listens on the invalidation channel and reads as the raw routes do, on its event loop.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any
from uuid import UUID

import django
import orjson

django.setup()

from chat import cache as chat_cache  # noqa: E402 - the apps must be loaded first
from chat.cache import meta as meta_cache  # noqa: E402
from chat.raw import me_meta  # noqa: E402
from core import cache, queries  # noqa: E402
from core.log.epoch import current_epoch  # noqa: E402
from tests.chat_raw.world import Paused, commit  # noqa: E402

_stalled: Paused[Any] | None = None
_reader: asyncio.Task[Any] | None = None


def _asked() -> int:
    return queries.counts().get((), 0)


async def meta(room: str) -> dict[str, Any]:
    """A room's offset, the queries that it took, and whether it came from the process's own copy."""
    before = _asked()
    copied = chat_cache.local_meta(UUID(room)) is not None
    found = await chat_cache.aget_meta(UUID(room))
    assert found is not None
    return {"offset": found.offset, "queries": _asked() - before, "copied": copied}


async def role(room: str, user: str) -> dict[str, Any]:
    """Somebody's role in a room."""
    return {"role": await chat_cache.amember_role(UUID(room), UUID(user)), "up": cache.is_up()}


async def me(user: str, since: str = "") -> dict[str, Any]:
    """The poll for all rooms."""
    answer: dict[str, Any] = orjson.loads(await me_meta.answer(UUID(user), since))
    return answer


async def change(room: str) -> dict[str, Any]:
    """Commit and acknowledge a change."""
    return {"offset": await asyncio.to_thread(commit, UUID(room))}


async def stall(room: str) -> dict[str, Any]:
    """Begin to fill a room's meta, and stop with the state in hand."""
    global _stalled, _reader
    _stalled = Paused(chat_cache.load_meta)
    vars(meta_cache)["load_meta"] = _stalled
    _reader = asyncio.create_task(chat_cache.aget_meta(UUID(room)))
    await asyncio.to_thread(_stalled.wait)
    return {}


async def go_on() -> dict[str, Any]:
    """Let the stalled fill go on; what it answers."""
    assert _stalled is not None
    assert _reader is not None
    _stalled.go_on()
    found = await _reader
    return {"offset": found.offset}


async def up() -> dict[str, Any]:
    """Whether the channel is up."""
    return {"up": cache.is_up()}


COMMANDS = {command.__name__: command for command in (meta, role, me, change, stall, go_on, up)}


async def main() -> None:
    """Serve until stdin ends."""
    await asyncio.to_thread(current_epoch)
    await cache.start_listener()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("ready", flush=True)
    while line := await reader.readline():
        request = orjson.loads(line)
        answer = await COMMANDS[request.pop("do")](**request)
        print(orjson.dumps(answer).decode(), flush=True)
    await cache.stop_listener()


if __name__ == "__main__":
    asyncio.run(main())
