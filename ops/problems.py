"""What keeps Parley from starting, in one sentence that says what to do."""

from __future__ import annotations


class StartProblem(Exception):
    """Shown as it is, without a traceback."""
