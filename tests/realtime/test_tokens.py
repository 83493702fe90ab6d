"""Who holds a socket: tokens in every place, refreshed, expired, ended; and where pages may come from."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from core.errors import RateLimited
from realtime import control, rights, sweep
from realtime.broker import LocalBroker
from realtime.close_codes import CloseCode
from realtime.hub import Hub
from realtime.orders import Order
from realtime.stats import stats
from tests.realtime import fakes
from tests.realtime.client import Client, Refused
from tests.realtime.fakes import World


def unpadded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "authorization": lambda token: {"headers": {"authorization": f"Bearer {token}"}},
    "authorization, small": lambda token: {"headers": {"authorization": f"bearer {token}"}},
    "x-api-key": lambda token: {"headers": {"x-api-key": token}},
    "query token": lambda token: {"query": {"token": token}},
    "query apikey": lambda token: {"query": {"apikey": token}},
    "subprotocol": lambda token: {"subprotocols": ["phoenix", f"base64url.bearer.phx.{unpadded(token)}"]},
    "subprotocol, other alphabet": lambda token: {
        "subprotocols": ["phoenix", "base64url.bearer.phx." + base64.b64encode(token.encode()).decode().rstrip("=")]
    },
}


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("place", PLACES)
async def test_a_token_in_every_place(place: str, world: World) -> None:
    world.room("a", "anna~?>")
    async with Client(**PLACES[place](fakes.token("anna~?>"))) as anna:
        assert anna.subprotocol == ("phoenix" if "subprotocol" in place else None)
        await anna.joined("room:a")


@pytest.mark.usefixtures("hub")
async def test_a_token_in_the_join_signs_the_socket_in(world: World) -> None:
    world.room("a", "anna")
    async with Client() as anna:
        assert (await anna.join("room:a"))["response"]["code"] == "not_found"
        refused = await anna.join("open")
        assert refused["response"]["reason"].startswith("Unauthorized: ")
        await anna.joined("room:a", access_token=fakes.token("anna"))
        await anna.joined("open")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("token", ["nonsense", "anna.1.1", "你好", ""])
async def test_a_bad_token_lets_nobody_in_and_a_good_one_may_follow(place: str, token: str, world: World) -> None:
    if place in ("authorization", "authorization, small", "x-api-key") and not token.isascii():
        token = "x" * 5000
    async with Client(**PLACES[place](token)) as anna:
        assert (await anna.join("open"))["status"] == "error"
        await anna.joined("open", access_token=fakes.token("anna"))


@pytest.mark.usefixtures("hub")
async def test_somebody_elses_token_is_refused_on_a_socket_that_is_taken(world: World) -> None:
    async with Client(token=fakes.token("anna")) as anna:
        reply = await anna.join("open", access_token=fakes.token("ben"))
        assert reply["response"]["code"] == "permission_denied"
        await anna.joined("open")
        await anna.push("open", "access_token", {"access_token": fakes.token("ben")})
        assert [frame.event for frame in await anna.settled()] == ["system", "phx_close"]


@pytest.mark.usefixtures("hub")
async def test_guests_by_setting(settings: Settings, world: World) -> None:
    world.room("a", "anna")
    settings.PARLEY_OPEN_TOPICS = "everyone"
    async with Client() as guest:
        await guest.joined("open")
        assert (await guest.join("open", {"private": True}))["status"] == "error"
        assert (await guest.join("room:a"))["status"] == "error"
    settings.PARLEY_OPEN_TOPICS = "nobody"
    async with Client(token=fakes.token("anna")) as anna:
        assert (await anna.join("open"))["status"] == "error"
        await anna.joined("room:a")


# --- refreshed and expired -----------------------------------------------------------------------


@pytest.mark.usefixtures("hub")
async def test_a_new_token_is_taken_in_silence_and_lengthens_the_stay(hub: Hub, world: World) -> None:
    async with Client(token=fakes.token("anna", seconds=2)) as anna:
        await anna.joined("open")
        await anna.push("open", "access_token", {"access_token": fakes.token("anna", seconds=900)})
        assert await anna.settled() == []
        [session] = hub.sessions.all()
        assert session.principal is not None
        session.principal = fakes.Principal(session.principal.user_id, session.principal.sid, session.principal.exp - 3)
        session.look_at_clock(hub.time())
        assert await anna.settled() == []


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("payload", [{"access_token": "bad"}, {"access_token": None}, {}, {"access_token": 5}])
async def test_a_bad_token_closes_the_channel_with_a_word(payload: Any, world: World) -> None:
    world.room("a", "anna")
    async with Client(token=fakes.token("anna")) as anna:
        await anna.joined("realtime:open")
        await anna.joined("room:a")
        await anna.push("realtime:open", "access_token", payload)
        told, closed = await anna.settled()
        assert (told.event, told.ref, told.topic) == ("system", None, "realtime:open")
        assert told.payload | {"message": ""} == {
            "extension": "system",
            "status": "error",
            "message": "",
            "channel": "open",
        }
        assert told.payload["message"]
        assert (closed.event, closed.ref) == ("phx_close", anna.join_refs["realtime:open"])
        assert (await anna.ask("room:a", "message:send", {}))["status"] == "ok", "the other goes on"


async def test_the_server_watches_the_time(hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Client(token=fakes.token("anna", seconds=1)) as anna, Client(token=fakes.token("ben")) as ben:
        await anna.joined("open")
        await ben.joined("open")
        frames, code = await anna.closing()
        assert [frame.event for frame in frames] == ["system"]
        assert "expired" in frames[0].payload["message"]
        assert code == CloseCode.TOKEN_EXPIRED
        assert not CloseCode(code).is_final
        assert await ben.settled() == []


# --- ended ---------------------------------------------------------------------------------------


async def test_ending_a_sign_in_ends_its_sockets_alone(hub: Hub, world: World) -> None:
    async with (
        Client(token=fakes.token("anna", "phone")) as phone,
        Client(token=fakes.token("anna", "laptop")) as laptop,
        Client() as guest,
    ):
        for one in (phone, laptop):
            await one.joined("open")
        control.end_sign_in(fakes.sid("anna", "phone"))
        frames, code = await phone.closing()
        assert [frame.event for frame in frames] == ["system", "phx_close"]
        assert code == CloseCode.TOKEN_REVOKED
        assert CloseCode(code).is_final
        assert await laptop.settled() == await guest.settled() == []
        assert stats.revoked == 1


async def test_banning_ends_all_sockets_of_a_person(hub: Hub, world: World) -> None:
    from uuid import UUID

    async with (
        Client(token=fakes.token("anna", "phone")) as phone,
        Client(token=fakes.token("anna", "laptop")) as laptop,
        Client(token=fakes.token("ben")) as ben,
    ):
        control.end_user(UUID(fakes.user_id("anna")), CloseCode.BANNED)
        assert [(await one.closing())[1] for one in (phone, laptop)] == [CloseCode.BANNED] * 2
        assert await ben.settled() == []


async def test_an_order_of_another_process_is_obeyed_and_ones_own_is_not_twice(hub: Hub, world: World) -> None:
    order = Order("end_sign_in", sid=str(fakes.sid("anna")))
    async with Client(token=fakes.token("anna")) as anna:
        hub.on_message("parley:control", order.pack(hub.instance))
        assert await anna.settled() == []
        for noise in (b"", b"{}", b"[]", b'{"from":"x","act":"end_sign_in","nonsense":1}', b"\xff"):
            hub.on_message("parley:control", noise)
        hub.on_message("parley:control", order.pack("another"))
        assert (await anna.closing())[1] == CloseCode.TOKEN_REVOKED


async def test_who_was_believed_in_the_very_moment_is_judged_again(
    hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "DOUBT_SECONDS", 0.05)
    sid = fakes.sid("anna")
    control.end_sign_in(sid)
    await asyncio.sleep(0)
    # The caches still say yes; a moment later they do not.
    anna = await Client(token=fakes.token("anna")).connect()
    await anna.joined("open")
    fakes.ended.add(sid)
    assert (await anna.closing())[1] == CloseCode.TOKEN_REVOKED
    await anna.disconnect()


@pytest.mark.parametrize("with_broker", [True, False])
async def test_sign_ins_are_checked_again_and_sooner_without_the_broker(
    with_broker: bool, hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(sweep, "CHECK_SECONDS" if with_broker else "CHECK_SECONDS_WITHOUT_BROKER", 0.02)
    assert isinstance(hub.broker, LocalBroker)
    await hub.sweeper.stop()
    hub.broker.set_up(with_broker)
    hub.sweeper.start()
    async with Client(token=fakes.token("anna")) as anna, Client(token=fakes.token("ben")) as ben:
        await asyncio.sleep(0.05)
        assert await anna.settled() == []
        # The order was lost: the broker was away.
        fakes.ended.add(fakes.sid("anna"))
        assert (await anna.closing())[1] == CloseCode.TOKEN_REVOKED
        assert await ben.settled() == []


# --- pages and numbers ------------------------------------------------------------------------------


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("origin", "host", "good"),
    [
        (None, "chat.example", True),
        ("https://chat.example", "chat.example", True),
        ("http://chat.example:8000", "chat.example:8000", True),
        ("https://CHAT.example", "chat.example", True),
        ("https://friend.example", "chat.example", True),
        ("https://friend.example:444", "chat.example", False),
        ("http://friend.example", "chat.example", False),
        ("https://evil.example", "chat.example", False),
        ("https://chat.example.evil.example", "chat.example", False),
        ("https://chat.example:444", "chat.example", False),
        ("https://evil.example", "evil.example", False),
        ("null", "chat.example", False),
        ("", "chat.example", False),
        ("file://", "chat.example", False),
        ("ftp://chat.example", "chat.example", False),
        ("https://[", "chat.example", False),
    ],
)
async def test_pages_that_may_open_sockets(origin: str | None, host: str, good: bool, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["chat.example"]
    settings.PARLEY_ALLOWED_ORIGINS = ["https://friend.example"]
    headers = {"host": host, **({} if origin is None else {"origin": origin})}
    client = Client(token=fakes.token("anna"), headers=headers)
    if good:
        await client.connect()
        await client.joined("open")
        await client.disconnect()
    else:
        with pytest.raises(Refused):
            await client.connect()


async def test_sockets_of_a_person_are_limited(hub: Hub, world: World, settings: Settings) -> None:
    settings.MAX_SOCKETS_PER_USER = 2
    settings.PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = False
    async with Client(token=fakes.token("anna")) as one, Client(token=fakes.token("anna")), Client() as late:
        await one.joined("open")
        third = await Client(token=fakes.token("anna")).connect()
        assert (await third.closing())[1] == CloseCode.TOO_MANY_CONNECTIONS
        await third.disconnect()
        reply = await late.join("open", access_token=fakes.token("anna"))
        assert reply["response"]["reason"].startswith("ConnectionRateLimitReached: ")
        async with Client(token=fakes.token("ben")) as ben:
            await ben.joined("open")


async def test_sockets_of_an_address_are_limited(hub: Hub, world: World, settings: Settings) -> None:
    settings.MAX_SOCKETS_PER_ADDRESS = 1
    async with Client(address="203.0.113.5"):
        with pytest.raises(Refused, match="429"):
            await Client(address="203.0.113.5").connect()
        async with Client(address="203.0.113.6"), Client(), Client():
            pass
    async with Client(address="203.0.113.5"):
        pass


async def test_connections_per_minute_are_limited(hub: Hub, world: World, settings: Settings) -> None:
    settings.PARLEY_RATE_LIMITS = {**settings.PARLEY_RATE_LIMITS, "connect": (2, 60)}
    for _ in range(2):
        await (await Client(token=fakes.token("anna"), address="203.0.113.5").connect()).disconnect()
    with pytest.raises(Refused) as refused:
        await Client(token=fakes.token("anna"), address="203.0.113.5").connect()
    status, event = refused.value.args
    assert status == RateLimited.status_code
    assert int(dict(event["headers"])[b"retry-after"]) > 0
    await (await Client(token=fakes.token("ben"), address="203.0.113.5").connect()).disconnect()
    assert len(hub.sessions) == 0
