"""A correct history passes, however it went; and the checker really looked at it."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checker import check
from tests.checker.model import Model
from tests.checker.stage import STEPS, small_talk


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=80), luck=st.randoms(use_true_random=False))
def test_random_correct_histories_pass(steps: list[str], luck: random.Random) -> None:
    model = Model(luck)
    rooms = [model.room("red", "ann", "ben"), model.room("blue", "ann", "cleo")]
    for name, user in (("ann-1", "ann"), ("ann-2", "ann"), ("ben-1", "ben"), ("cleo-1", "cleo"), ("dan-1", "dan")):
        model.client(name, user)
    for step in steps:
        STEPS[step](model, luck.choice(model.clients), luck.choice(rooms))
    final = model.finish()
    report = check([client.history for client in model.clients], final)
    assert not report.verdicts, report.text()


def test_every_sort_of_check_is_made() -> None:
    histories, final = small_talk()
    report = check(histories, final)
    assert not report.verdicts, report.text()
    looked_at = {
        "rows": 15,
        "acts:send": 8,
        "acts:edit": 1,
        "acts:recall": 1,
        "acts:read": 1,
        "authorship": 6,
        "real time": 12,
        "received:socket": 8,
        "received:changes": 8,
        "snapshots": 3,
        "metas": 5,
        "unread": 3,
        "settled": 3,
    }
    assert {name: least for name, least in looked_at.items() if report.counts[name] < least} == {}, report.counts
