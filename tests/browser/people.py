"""People who act by REST while others look at a screen: they set the scene of a browser test."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from playwright._impl._api_structures import SetCookieParam

from tests.support.server import Server

PASSWORD = "a long enough passphrase 7"


class Person:
    """Somebody with an account, signed in by REST."""

    def __init__(self, base: str, username: str, display_name: str) -> None:
        self.username = username
        self.display_name = display_name
        self._http = httpx.Client(base_url=f"{base}/api/v1/", timeout=20, trust_env=False)
        self._base = base
        body = {"username": username, "password": PASSWORD, "display_name": display_name}
        answer = self.call("POST", "auth/register", body)
        self.id: str = answer["user"]["id"]
        self._http.headers["Authorization"] = f"Bearer {answer['access']}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a good answer, None for an empty one."""
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def cookie(self) -> SetCookieParam:
        """A sign-in of its own for one browser: the cookie that the sign-in page would leave there."""
        body = {"username": self.username, "password": PASSWORD}
        with httpx.Client(base_url=f"{self._base}/api/v1/", timeout=20, trust_env=False) as browser:
            browser.post("auth/token", json=body, headers={"X-Parley-Client": "browser"}).raise_for_status()
            cookie = next(iter(browser.cookies.jar))
        return {
            "name": cookie.name,
            "value": str(cookie.value),
            "domain": cookie.domain,
            "path": cookie.path,
            "httpOnly": True,
            "sameSite": "Strict",
        }

    def create_room(self, name: str, *members: Person, kind: str = "group") -> str:
        """The id of a new room."""
        body = {"kind": kind, "name": name, "member_ids": [member.id for member in members]}
        return str(self.call("POST", "rooms", body)["id"])

    def write_to(self, other: Person) -> str:
        """The id of the room of the two."""
        return str(self.call("POST", "rooms", {"kind": "direct", "member_ids": [other.id]})["id"])

    def send(self, room_id: str, content: str, **more: Any) -> dict[str, Any]:
        """The message as the server answered it."""
        body = {"content": content, "client_id": uuid.uuid4().hex, **more}
        message: dict[str, Any] = self.call("POST", f"rooms/{room_id}/messages", body)
        return message

    def send_many(self, room_id: str, count: int, text: str = "Message {}") -> list[dict[str, Any]]:
        """``count`` messages, numbered from 1."""
        return [self.send(room_id, text.format(number)) for number in range(1, count + 1)]

    def edit(self, message_id: str, content: str) -> None:
        """Edit a message."""
        self.call("PUT", f"messages/{message_id}", {"content": content})

    def recall(self, message_id: str) -> None:
        """Recall a message for everyone."""
        self.call("DELETE", f"messages/{message_id}")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


People = Callable[[str], Person]


def rows_of(server: Server, room_id: str) -> list[tuple[str, str, bool]]:
    """What the database holds of a room, in the order of the timeline: (id, content, recalled)."""
    path: Path = server.home / "parley.sqlite3"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        found = database.execute(
            "SELECT id, content, deleted_at IS NOT NULL FROM chat_chatmessage WHERE room_id = ?"
            " ORDER BY lamport, origin, id",
            [uuid.UUID(room_id).hex],
        ).fetchall()
    return [(str(uuid.UUID(row[0])), row[1], bool(row[2])) for row in found]
