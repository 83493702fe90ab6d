"""Sign-ins that nobody can go on with are forgotten; everything else stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import tasks
from accounts.models import RefreshToken, Role, SignIn
from accounts.services import sign_ins
from core.errors import SignInEnded
from core.tasks.ticks import registry
from tests.accounts import people

pytestmark = pytest.mark.django_db

DAY = 86_400


def test_what_still_works_stays_and_the_rest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_ins, "PURGED_AT_ONCE", 2)
    user = people.make()
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        ended = people.signed_in(user)
        ended_sid = people.sid_of(ended)
        unused = [people.signed_in(user) for _ in range(3)]
        used = people.signed_in(user)
        sid = people.sid_of(used)
        sign_ins.end_sign_in(ended_sid, reason=sign_ins.EndReason.SIGNED_OUT)
        assert tasks.purge_sign_ins() == 0
        clock.shift(8 * DAY)
        assert tasks.purge_sign_ins() == 1
        clock.shift(21 * DAY)
        used = sign_ins.refresh(used["refresh"])
        clock.shift(9 * DAY)
        assert tasks.purge_sign_ins() == 3
        assert set(SignIn.objects.values_list("pk", flat=True)) == {sid}
        assert set(RefreshToken.objects.values_list("sign_in", flat=True)) == {sid}
        sign_ins.refresh(used["refresh"])
        for pair in (ended, *unused):
            with pytest.raises(SignInEnded):
                sign_ins.refresh(pair["refresh"])


def test_sessions_of_the_desk_that_are_over_go_too() -> None:
    client = Client()
    client.force_login(people.make("mona", Role.MODERATOR))
    tasks.purge_sign_ins()
    assert Session.objects.count() == 1
    with time_machine.travel(Session.objects.get().expire_date + timedelta(seconds=1)):
        tasks.purge_sign_ins()
    assert not Session.objects.exists()


def test_it_runs_by_itself() -> None:
    assert registry["purge-sign-ins"].run is tasks.purge_sign_ins
