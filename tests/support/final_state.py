"""The database as it is, read by plain SQL: the checker trusts no code of the server."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import psycopg

from tests.support.history import FinalChange, FinalMessage, FinalRoom, FinalState

Rows = Sequence[Sequence[Any]]


class Database:
    """Reads an installation's database from outside. ``url`` is a DATABASE_URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite:")

    def rows(self, query: str) -> Rows:
        """All rows of a query, ids as text with dashes on both databases."""
        if self.is_sqlite:
            connection = sqlite3.connect(f"file:{self.url.removeprefix('sqlite:///')}?mode=ro", uri=True, timeout=20)
            try:
                return connection.execute(query).fetchall()
            finally:
                connection.close()
        with psycopg.connect(self.url) as server:
            return server.execute(query.encode()).fetchall()


def _id(value: Any) -> str:
    # SQLite keeps a UUID as 32 digits.
    return str(value if isinstance(value, uuid.UUID) else uuid.UUID(str(value)))


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def read_final_state(url: str, rooms: Collection[str]) -> FinalState:
    """Everything that the checker compares with, of these rooms."""
    database = Database(url)
    messages = _messages(database)
    changes: dict[str, list[FinalChange]] = defaultdict(list)
    for stream, offset, event, object_ids in database.rows(
        'SELECT stream_id, "offset", event, object_ids FROM log_change'
    ):
        ids = _json(object_ids)
        changes[stream].append(FinalChange(offset, event, ids.get("message"), ids.get("user")))
    heads = _stream_heads(database)
    members: dict[str, dict[str, int]] = defaultdict(dict)
    for room, user, read_seq in database.rows("SELECT room_id, user_id, read_seq FROM chat_membership"):
        members[_id(room)][_id(user)] = read_seq
    found = {}
    for raw_id, seq, offset in database.rows('SELECT id, seq, "offset" FROM chat_chatroom'):
        room = _id(raw_id)
        if room in rooms:
            stream = f"room:{room}"
            found[room] = FinalRoom(
                room,
                seq,
                offset,
                heads.get(stream, 0),
                tuple(messages[room]),
                tuple(sorted(changes[stream], key=lambda change: change.offset)),
                members[room],
            )
    ((epoch,),) = database.rows("SELECT epoch FROM log_installation")
    return FinalState(epoch, found)


def _stream_heads(database: Database) -> dict[str, int]:
    return {row[0]: row[1] for row in database.rows('SELECT key, "offset" FROM log_stream')}


def _messages(database: Database) -> dict[str, list[FinalMessage]]:
    edits: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for message, old, new in database.rows(
        "SELECT message_id, old_content, new_content FROM chat_messageedit ORDER BY message_id, version"
    ):
        edits[_id(message)].append((old, new))
    messages: dict[str, list[FinalMessage]] = defaultdict(list)
    for row in database.rows(
        'SELECT id, room_id, seq, "offset", sender_id, client_id, content, html, version, deleted_at'
        " FROM chat_chatmessage ORDER BY seq"
    ):
        message_id, room = _id(row[0]), _id(row[1])
        trace = edits[message_id]
        contents = (trace[0][0], *(new for _, new in trace)) if trace else (row[6],)
        messages[room].append(
            FinalMessage(
                message_id,
                room,
                row[2],
                row[3],
                _id(row[4]) if row[4] is not None else None,
                row[5],
                row[6],
                row[7],
                row[8],
                row[9] is not None,
                contents,
            )
        )
    return messages
