"""Every planted bug is found, and named as what it is."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.checker import Kind, check
from tests.checker.model import Model
from tests.checker.scene import Scene, Seed
from tests.checker.seeds import SEEDS
from tests.checker.stage import STEPS
from tests.support.history import Received


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_planted_bug_is_found(seed: Seed) -> None:
    scene = Scene()
    assert not check(scene.histories, scene.final).verdicts, "the scene itself must be right"
    seed.plant(scene)
    report = check(scene.histories, scene.final)
    fitting = [
        verdict
        for verdict in report.verdicts
        if verdict.kind is seed.kind and seed.says in verdict.sentence and seed.client in ("", verdict.client)
    ]
    assert fitting, report.text() or "no verdict at all"


def test_every_kind_of_verdict_has_a_seed() -> None:
    assert {seed.kind for seed in SEEDS} == set(Kind)


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(st.sampled_from(["send", "edit", "recall", "deliver", "poll", "add"]), min_size=10, max_size=50),
    luck=st.randoms(use_true_random=False),
)
def test_any_single_frame_that_goes_missing_is_noticed(steps: list[str], luck: random.Random) -> None:
    model = Model(luck)
    room = model.room("red", "ann", "ben")
    for name, user in (("ann-1", "ann"), ("ben-1", "ben"), ("cleo-1", "cleo")):
        model.join(model.client(name, user), room)
    for step in steps:
        STEPS[step](model, luck.choice(model.clients), room)
    final = model.finish()
    frames = [
        (client.history, index)
        for client in model.clients
        for index, entry in enumerate(client.history.entries)
        if isinstance(entry, Received)
    ]
    assume(frames)
    history, index = luck.choice(frames)
    missing = history.entries.pop(index)
    assert isinstance(missing, Received)
    report = check([client.history for client in model.clients], final)
    unseen = [verdict for verdict in report.verdicts if verdict.kind is Kind.UNSEEN]
    # What a poll brought as well is not missing.
    twice = any(isinstance(entry, Received) and entry.offset == missing.offset for entry in history.entries)
    wanted = [] if twice else [(history.client, str(missing.offset))]
    assert [(verdict.client, verdict.subject) for verdict in unseen] == wanted
