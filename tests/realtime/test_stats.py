"""The numbers reach /metrics."""

from __future__ import annotations

from prometheus_client import REGISTRY

from realtime.hub import Hub
from realtime.stats import Stats, stats, tell
from tests.realtime import fakes
from tests.realtime.client import Client
from tests.realtime.fakes import World


def shown(name: str) -> float:
    kind = "" if name in ("sockets", "topics") else "_total"
    value = REGISTRY.get_sample_value(f"parley_realtime_{name}{kind}")
    assert value is not None, name
    return value


async def test_every_number_is_shown(hub: Hub, world: World) -> None:
    tell()
    before = {name: shown(name) for name in Stats().as_dict()}
    log = world.room("a", "anna", "ben")
    async with Client(token=fakes.token("anna")) as anna, Client(token=fakes.token("ben")) as ben:
        for one in (anna, ben):
            await one.joined("room:a")
        hub.receive(log.commit(n=1))
        await anna.expect("message:created")
        tell()
        assert shown("sockets") == 2
        assert shown("topics") == 1
        assert shown("sockets_opened") == before["sockets_opened"] + 2
        assert shown("frames_in") == before["frames_in"] + 2
        assert shown("deliveries") == before["deliveries"] + 2
        await ben.expect("message:created")
    tell()
    tell()
    assert shown("sockets") == 0
    assert shown("frames_out") == before["frames_out"] + 4 == before["frames_out"] + stats.frames_out
