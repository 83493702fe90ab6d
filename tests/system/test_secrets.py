"""What people write, and what they sign in with, stands in no log."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.support.drivers import RestUser, SocketUser
from tests.support.drivers.rest import PASSWORD
from tests.support.server import Server

WORDS = "the-eagle-lands-at-midnight"


async def _talk(server: Server, person: RestUser, friend: RestUser) -> list[str]:
    """Use every door with secrets in hand, right and wrong; the secrets."""
    room = await person.create_room(friend)
    message = await person.send(room, f"{WORDS} by REST")
    await person.edit(room, message["id"], f"{WORDS} edited")
    device = await SocketUser(person, "socket").start(f"room:{room}")
    sent = await device.send(room, f"{WORDS} by socket")
    await device.recall(room, sent["message"]["id"])
    await device.stop()
    refreshed = await person.call("POST", "auth/token/refresh", json={"refresh": person.refresh})
    wrong = f"{person.access[:-6]}wrong0"
    subprotocol = "base64url.bearer.phx." + base64.urlsafe_b64encode(person.access.encode()).decode().rstrip("=")
    sockets = server.websocket_url + "/socket/websocket?vsn=2.0.0"
    for address, protocols in (
        (f"{sockets}&token={person.access}", None),
        (f"{sockets}&apikey={person.access}", None),
        (f"{sockets}&token={wrong}", None),
        (sockets, ["phoenix", subprotocol]),
    ):
        with contextlib.suppress(WebSocketException, OSError):
            async with connect(address, subprotocols=protocols, proxy=None) as socket:  # type: ignore[arg-type]  # any text is one
                await socket.send('["1","1","phoenix","heartbeat",{}]')
                await socket.recv()
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        bearer = {"Authorization": f"Bearer {person.access}"}
        await http.get(f"/api/v1/rooms/{room}/messages?token={person.access}&apikey={person.access}", headers=bearer)
        await http.get(f"/api/v1/rooms/{room}/meta?token={person.access}", headers=bearer)
        await http.get("/api/v1/rooms", headers={"Authorization": f"Bearer {wrong}"})
        await http.get("/api/v1/nowhere", params={"access_token": person.access}, headers={"x-api-key": person.access})
        await http.post(f"/api/v1/rooms/{room}/messages", content=f'{{"content": "{WORDS} broken', headers=bearer)
        await http.post(f"/api/v1/rooms/{room}/messages", json={"content": [WORDS]}, headers=bearer)
        await http.post("/api/v1/auth/token", json={"username": person.username, "password": PASSWORD + " mistyped"})
    secrets = [
        WORDS,
        PASSWORD,
        person.access,
        person.refresh,
        wrong,
        subprotocol,
        refreshed["access"],
        refreshed["refresh"],
    ]
    # The signature alone would do for whoever has the rest.
    return secrets + [token.rpartition(".")[2] for token in (person.access, refreshed["access"])]


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
async def test_no_log_holds_a_token_a_password_or_a_message(home: Path, level: str) -> None:
    with Server(home, env={"LOG_LEVEL": level}) as server:
        person = await RestUser([server.url], "agatha").register()
        friend = await RestUser([server.url], "bertram").register()
        secrets = await _talk(server, person, friend)
        await person.close()
        await friend.close()
    written = server.logs() + server.output()
    assert '"path": "/api/v1/rooms' in written or '"path":"/api/v1/rooms' in written, "nothing was logged at all"
    found = [secret for secret in secrets if secret in written]
    lines = [line for line in written.splitlines() if any(secret in line for secret in found)]
    assert not found, lines[:3]
