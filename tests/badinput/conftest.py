"""The fixture that every door gets: it asks badly, and says what was wrong about the answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction

from core import redis as redis_
from core.cache.local import local
from tests.badinput.census import census
from tests.badinput.corpus import Must
from tests.support.cast import Cast, assemble
from tests.support.inprocess import Answer, InProcess, in_process


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody in their places."""
    return assemble()


@dataclass(slots=True)
class Asker:
    """Asks, undoes what it did, and collects complaints."""

    app: InProcess
    before: dict[str, int] | None = None
    writes: int = 0
    complaints: list[str] = field(default_factory=list)
    asked: int = 0

    def ask(
        self,
        name: str,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        must: Must = Must.REFUSE,
        statuses: Collection[int] = (),
    ) -> Answer:
        """One bad request."""
        redis_.sync_client().flushall()
        local.clear()
        self.asked += 1
        if self.before is None or self.writes:
            self.before, self.writes = census(), 0
        with transaction.atomic():
            answer = self.app.ask(method, target, body=body, headers=headers)
            # Counting takes longer than most requests; where no statement wrote, nothing was written.
            written = sorted(dict(census().items() - self.before.items())) if self.writes else []
            transaction.set_rollback(True)
        self.writes = 0
        for complaint in self._judge(answer, target, must, statuses, written):
            self.complaints.append(f"{method} {target[:100]} with {name}: {complaint}")
        return answer

    def watch(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Notice statements that write."""
        self.writes += sql.startswith(("INSERT", "UPDATE", "DELETE"))
        return execute(sql, params, many, context)

    def _judge(
        self, answer: Answer, target: str, must: Must, statuses: Collection[int], written: list[str]
    ) -> Iterator[str]:
        if answer.status >= 500:
            yield f"answered {answer.status}: {answer.body[:200]!r}"
            return
        if answer.status < 400:
            if must is Must.REFUSE:
                yield f"was let in: {answer.status} {answer.body[:120]!r}"
            return
        if statuses and answer.status not in statuses:
            yield f"answered {answer.status}, not one of {sorted(statuses)}"
        if target.startswith("/api/"):
            yield from shape_complaints(answer)
        if written:
            yield f"answered {answer.status} and wrote {', '.join(written)}"


def shape_complaints(answer: Answer) -> Iterator[str]:
    """Whether an error has the one shape."""
    try:
        body = answer.json()
        kind, errors = body["type"], body["errors"]
        entries = [(entry["code"], entry["detail"], entry["attr"]) for entry in errors]
    except (ValueError, LookupError, TypeError):
        yield f"has not the one shape: {answer.status} {answer.body[:200]!r}"
        return
    if kind not in {"client_error", "validation_error"} or not entries:
        yield f"has the type {kind} and {len(entries)} errors"
    for code, detail, attr in entries:
        if not (isinstance(code, str) and code and isinstance(detail, str) and detail):
            yield f"has no clear error: {errors}"
        if not isinstance(attr, str | None):
            yield f"has an odd attr: {errors}"


@pytest.fixture
def asker(cast: Cast) -> Iterator[Asker]:
    """Asks badly; at the end there must be no complaint, and something must have been asked."""
    with in_process() as app:
        asker = Asker(app)
        with connection.execute_wrapper(asker.watch):
            yield asker
    assert asker.asked > 0, "nothing was asked"
    assert not asker.complaints, f"{len(asker.complaints)} of {asker.asked}:\n" + "\n".join(asker.complaints[:25])
