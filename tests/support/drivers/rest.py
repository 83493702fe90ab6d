"""A signed-in person who speaks REST, and the parts of it that the other transports need as well."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.support.drivers.recording import Attempt, essence, judged
from tests.support.history import (
    Act,
    History,
    PageEnd,
    Positioned,
    Received,
    Snapshot,
    Transport,
    UnreadSeen,
)

TIMEOUT = 15.0  # seconds
PAGE = 200
PASSWORD = "a long enough passphrase 7"


class NoAnswer(Exception):
    """The server could not be reached, or the connection ended before it answered."""


class Refusal(Exception):
    """The server answered with an error of the one shape."""

    def __init__(self, status: int, code: str, body: Any) -> None:
        super().__init__(f"{status} {code}: {body}")
        self.status = status
        self.code = code
        self.body = body


class RestUser:
    """A person. ``bases`` are addresses of servers of one installation; when one does not answer, the next is asked."""

    def __init__(self, bases: Sequence[str], username: str) -> None:
        self.bases = list(bases)
        self.username = username
        self.user_id = ""
        self.access = ""
        self.refresh = ""
        self.history = History(f"{username}/rest", "")
        self._http = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)

    @property
    def base(self) -> str:
        """The server that is asked."""
        return self.bases[0]

    def turn_to_next(self) -> None:
        """Ask the next server from now on."""
        self.bases.append(self.bases.pop(0))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # --- plain calls -------------------------------------------------------------------

    async def raw(
        self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> httpx.Response:
        """An answer as it came, whatever its status. Raises NoAnswer."""
        authorization = {"Authorization": f"Bearer {self.access}"} if self.access else {}
        try:
            return await self._http.request(
                method,
                f"{self.base}/api/v1/{path}",
                json=json,
                params={name: value for name, value in query.items() if value is not None},
                headers={**authorization, **(headers or {})},
            )
        except httpx.TransportError as error:
            self.turn_to_next()
            raise NoAnswer(f"{method} {path}: {error!r}") from error

    async def call(self, method: str, path: str, *, json: Any = None, **query: Any) -> Any:
        """The answer's body. Raises Refusal for an error, NoAnswer for none (a broken-off server's 5xx included)."""
        return body_of(await self.raw(method, path, json=json, **query))

    async def register(self) -> RestUser:
        """Make the account and sign in."""
        body = await self.call("POST", "auth/register", json={"username": self.username, "password": PASSWORD})
        self._signed_in(body)
        return self

    async def sign_in(self) -> None:
        """Sign in again."""
        self._signed_in(await self.call("POST", "auth/token", json={"username": self.username, "password": PASSWORD}))

    def _signed_in(self, body: Mapping[str, Any]) -> None:
        self.access, self.refresh = body["access"], body["refresh"]
        self.user_id = self.history.user = body["user"]["id"]

    async def create_room(self, *members: RestUser, kind: str = "group", name: str = "a room") -> str:
        """A new room with these members; its id."""
        fields = {"kind": kind, "name": name, "member_ids": [member.user_id for member in members]}
        return str((await self.call("POST", "rooms", json=fields))["id"])

    # --- acts that are written down ----------------------------------------------------------

    async def send(self, room: str, content: str, client_id: str | None = None) -> dict[str, Any]:
        """Send a message."""
        client_id = client_id or uuid.uuid4().hex
        attempt = Attempt(self.history, Act.SEND, client_id, room, content=content)
        body = {"content": content, "client_id": client_id}
        return await self._act(attempt, "POST", f"rooms/{room}/messages", body)

    async def edit(self, room: str, message_id: str, content: str) -> dict[str, Any]:
        """Edit a message."""
        attempt = Attempt(self.history, Act.EDIT, uuid.uuid4().hex, room, content=content, message_id=message_id)
        return await self._act(attempt, "PUT", f"messages/{message_id}", {"content": content})

    async def recall(self, room: str, message_id: str) -> None:
        """Recall a message for everyone (the answer, 204, tells nothing)."""
        attempt = Attempt(self.history, Act.RECALL, uuid.uuid4().hex, room, message_id=message_id)
        await self._act(attempt, "DELETE", f"messages/{message_id}", None)

    async def _act(self, attempt: Attempt, method: str, path: str, body: Any) -> dict[str, Any]:
        try:
            answer = await self.call(method, path, json=body)
        except Refusal as refusal:
            attempt.refused(refusal.code)
            raise
        except BaseException:
            attempt.unanswered()
            raise
        if answer is None:
            attempt.acknowledged(path.rpartition("/")[2])
            return {}
        attempt.answered(answer)
        return dict(answer)

    # --- reading -------------------------------------------------------------------------------

    async def read_snapshot(self, room: str, history: History | None = None, limit: int = 50) -> dict[str, Any]:
        """The newest messages of a room, written down."""
        body = await self.call("GET", f"rooms/{room}/messages", limit=limit)
        shown = tuple(judged(message) for message in body["messages"])
        (history or self.history).add(Snapshot(time.time(), room, body["offset"], body["epoch"], shown))
        return dict(body)

    async def read_page(
        self, stream: str, after: int, epoch: str | None, history: History | None = None, *, fresh: bool = False
    ) -> dict[str, Any]:
        """A page of changes after ``after``, written down. Raises Refusal (``position_lost``)."""
        kind, _, stream_id = stream.partition(":")
        path = f"rooms/{stream_id}/changes" if kind == "room" else "me/changes"
        page = await self.call("GET", path, after=after, epoch=epoch, limit=PAGE)
        now, add = time.time(), (history or self.history).add
        add(Positioned(now, stream, Transport.CHANGES, after, page["epoch"], fresh=fresh))
        for change in page["changes"]:
            add(
                Received(
                    now,
                    stream,
                    Transport.CHANGES,
                    change["offset"],
                    page["epoch"],
                    change["event"],
                    essence(change["payload"]),
                )
            )
        add(PageEnd(now, stream, page["offset"], page["has_more"]))
        return dict(page)

    async def read_unread(self, room: str, history: History | None = None) -> int:
        """What the server counts as unread for this person in a room, written down."""
        body = await self.call("GET", f"rooms/{room}")
        (history or self.history).add(UnreadSeen(time.time(), room, body["offset"], body["unread_count"]))
        return int(body["unread_count"])


def body_of(response: httpx.Response) -> Any:
    """The body of a good answer; None for an empty one. Raises Refusal, or NoAnswer for a 5xx that leaves open
    what was done."""
    if response.status_code < 400:
        return response.json() if response.content else None
    try:
        body = response.json()
        code = body["errors"][0]["code"]
    except (ValueError, LookupError, TypeError) as error:
        raise Refusal(response.status_code, "not_the_one_shape", response.text) from error
    if response.status_code >= 500 and code != "unavailable":
        raise NoAnswer(f"{response.status_code} {code}")
    raise Refusal(response.status_code, code, body)
