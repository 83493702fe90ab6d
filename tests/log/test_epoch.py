"""The epoch, and the witness that knows when the log went back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import transaction

from core.errors import PositionLost
from core.log import epoch, readers, witness
from core.log.models import Change, Installation, Stream
from core.log.writer import Act, append_many
from tests.log.events import Noted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """A witness of the test's own."""
    settings.PARLEY_HOME = tmp_path
    with mock.patch.multiple(witness, _open=None, _noted=0):
        yield tmp_path / "witness"


def write(count: int) -> None:
    append_many([Act(run=lambda w: w.append("a", Noted(1)), streams=["a"])] * count)


def restart() -> bool:
    """The server stops and starts again; whether it began a new epoch."""
    witness._open, witness._noted = None, 0
    epoch.forget()
    return witness.verify()


def test_an_epoch_is_short_and_stays() -> None:
    first = epoch.current_epoch()
    assert 0 < len(first) <= 12
    epoch.forget()
    assert epoch.current_epoch() == first
    assert epoch.origin() == Installation.objects.get().origin
    assert Installation.objects.count() == 1


def test_an_epoch_that_was_never_committed_is_not_remembered() -> None:
    """The first act of an installation fails: its transaction must not have made the epoch."""

    def fail(w: object) -> None:
        raise RuntimeError

    append_many([Act(run=fail)])
    told = epoch.current_epoch()
    epoch.forget()
    assert epoch.current_epoch() == told


def test_a_normal_restart_keeps_the_epoch() -> None:
    assert not restart()
    write(3)
    before = epoch.current_epoch()
    for _ in range(3):
        assert not restart()
        assert epoch.current_epoch() == before
        write(1)


def test_a_restored_older_database_begins_a_new_epoch() -> None:
    """Else two different changes would have one offset, and readers would never notice."""
    write(5)
    old = epoch.current_epoch()
    Change.objects.filter(offset__gt=3).delete()
    Stream.objects.filter(key="a").update(offset=3)
    assert restart()
    assert epoch.current_epoch() != old
    assert Installation.objects.get().epoch == epoch.current_epoch()
    with pytest.raises(PositionLost):
        readers.read_changes("a", after=5, limit=10, epoch=old)
    with pytest.raises(PositionLost):
        readers.read_changes("a", after=3, limit=10, epoch=old)
    write(2)
    assert readers.head("a") == 5
    assert not restart()


def test_the_witness_notes_every_commit(folder: Path) -> None:
    write(1)
    (noted,) = witness.remembered().values()
    write(2)
    assert witness.remembered() == {epoch.current_epoch(): noted + 2}
    with transaction.atomic():
        write(1)
        transaction.set_rollback(True)
    assert witness.remembered() == {epoch.current_epoch(): noted + 2}


def test_the_witness_of_every_process_counts(folder: Path) -> None:
    write(2)
    newest = max(witness.remembered().values())
    (folder / "4711").write_text(f"{epoch.current_epoch():<12} {newest + 5:020d}\n")
    assert restart()
    assert [path.name for path in folder.iterdir()] == ["start"]


def test_an_empty_database_under_an_old_witness_begins_anew() -> None:
    write(2)
    name = epoch.current_epoch()
    Change.objects.all().delete()
    Stream.objects.all().delete()
    assert restart()
    assert epoch.current_epoch() != name
