"""Fixtures of the tests about people."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from core.cache.local import local


@pytest.fixture
def copies() -> Iterator[None]:
    """The process may use its own copies of cached values, as with the invalidation channel up."""
    local.extend(time.monotonic() + 60)
    yield
    local.extend(0)
