"""What the checker says: one verdict per wrong, with a sentence for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The ways in which a chat can go wrong."""

    LOST = "lost"  # acknowledged, yet not in the database
    UNSEEN = "unseen"  # in the database, yet a reader who claims to be up to date never got it
    DOUBLED = "doubled"  # written or delivered twice
    OUT_OF_ORDER = "out of order"
    GAP = "gap"  # a number was skipped
    WRONG = "wrong"  # other content, sender or object than what was written
    LEAK = "leak"  # shown to somebody who is not of the room, or put into another room
    STALE = "stale"  # older than what was promised
    INVENTED = "invented"  # seen or stored, yet nobody wrote it
    READABLE = "readable"  # recalled content still stands somewhere
    REFUSED_YET_WRITTEN = "refused yet written"
    UNREAD = "unread"  # the unread count is not the number of unread messages
    EPOCH = "epoch"  # positions of two epochs were mixed
    UNFINISHED = "unfinished"  # the history itself is incomplete: nothing is proven


@dataclass(frozen=True, slots=True)
class Verdict:
    """One wrong: where, whose observation (empty: the database's own), about what."""

    kind: Kind
    room: str
    client: str
    subject: str
    sentence: str

    def __str__(self) -> str:
        who = f" [{self.client}]" if self.client else ""
        return f"{self.kind.value}{who}: {self.sentence}"


@dataclass(slots=True)
class Report:
    """All verdicts, and how often each sort of check was made (none made proves nothing)."""

    verdicts: list[Verdict] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def say(self, kind: Kind, sentence: str, *, room: str = "", client: str = "", subject: object = "") -> None:
        """Add a verdict."""
        self.verdicts.append(Verdict(kind, room, client, str(subject), sentence))

    def kinds(self) -> set[Kind]:
        """The kinds of wrong that were found."""
        return {verdict.kind for verdict in self.verdicts}

    def text(self, limit: int = 20) -> str:
        """The verdicts as lines, the first ``limit`` of them."""
        lines = [str(verdict) for verdict in self.verdicts[:limit]]
        if len(self.verdicts) > limit:
            lines.append(f"… and {len(self.verdicts) - limit} more")
        return "\n".join(lines)
