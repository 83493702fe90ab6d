"""The checker: histories of many clients and the database in, verdicts out.

It is pure: no clock, no network, no Django. ``check`` compares

- the rows by themselves: seq and offset without a gap or a double, every message in the log, once (``rows``);
- acts against rows: what was acknowledged is there, once, as it was written, in an order that
  real time allows; what was refused is not; nothing is there that nobody wrote (``acts``);
- readers against rows: on every transport the same changes, in order, none missing at the end, and
  none for people who are not members; recalled content nowhere (``readers``, ``payloads``);
- meta polls: never back, never older than promised (``metas``).

An act that was never answered may have been done once or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.checker.acts import check_acts
from tests.checker.known import Known, Rules
from tests.checker.metas import check_metas
from tests.checker.readers import check_readers
from tests.checker.rows import check_rows
from tests.checker.verdicts import Kind, Report, Verdict
from tests.support.history import FinalState, History

__all__ = ["Kind", "Report", "Rules", "Verdict", "check"]


def check(histories: Sequence[History], final: FinalState, rules: Rules | None = None) -> Report:
    """Everything that went wrong, and how much was looked at."""
    known = Known(histories, final, rules or Rules())
    report = Report()
    check_rows(known, report)
    check_acts(known, report)
    check_readers(known, report)
    check_metas(known, report)
    return report
