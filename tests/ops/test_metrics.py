"""Who may read /metrics, and what is in it."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from core.counters import Tally
from ops import metrics
from ops.health import may_read_metrics


def scope(client: str | None, **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"client": (client, 1) if client else None, "headers": pairs}


@pytest.mark.parametrize("client", ["127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine_may(client: str) -> None:
    assert may_read_metrics(scope(client))


@pytest.mark.parametrize("client", ["10.0.0.1", "192.0.2.1", "2001:db8::1", "", None])
def test_others_may_not(client: str | None) -> None:
    assert not may_read_metrics(scope(client))


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "x_real_ip", "via"])
def test_what_came_through_a_proxy_is_not_this_machine(header: str) -> None:
    assert not may_read_metrics(scope("127.0.0.1", **{header: "192.0.2.1"}))


def test_the_token_opens_from_anywhere_and_a_wrong_one_closes() -> None:
    right = f"Bearer {settings.METRICS_TOKEN}"
    assert may_read_metrics(scope("192.0.2.1", authorization=right))
    assert not may_read_metrics(scope("192.0.2.1", authorization="Bearer wrong"))
    assert not may_read_metrics(scope("127.0.0.1", authorization="Bearer wrong"))


def test_what_was_counted_a_moment_ago_is_there() -> None:
    tally = Tally("parley_test_tally", "Counted by a test.", ("kind",))
    tally.add("a")
    tally.add("a")
    tally.add("b", by=3)
    text = metrics.render().decode()
    assert 'parley_test_tally_total{kind="a"} 2.0' in text
    assert 'parley_test_tally_total{kind="b"} 3.0' in text
