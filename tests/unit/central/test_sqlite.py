"""The file of reads in SQLite: who may read it, whose it is, and what a full disk or retention leaves."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from anpr_edge.central.dedupe import FeedKey
from anpr_edge.central.intake import Intake, Verdict
from anpr_edge.central.opener import Opener
from anpr_edge.central.stores.sqlite import SqliteStore
from anpr_edge.errors import StoreError, StoreUnavailable
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.fakes import EPOCH_NS, FakeClock
from tests.limits import file_size_limit
from tests.sealed_reads import FEED, FLEET, PLATE, SealingUnit

KEY = RecipientPrivateKey.generate()
TOMORROW = datetime.fromtimestamp(EPOCH_NS / 1e9, UTC).date() + timedelta(days=1)


@pytest.fixture
def unit() -> SealingUnit:
    return SealingUnit(KEY.public)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reads.db"


def take(store: SqliteStore, unit: SealingUnit, blobs: list[bytes]) -> list[Verdict]:
    intake = Intake(Opener(unit.units, KEY), store, FakeClock())
    return [outcome.verdict for outcome in intake.take([(unit.topic, blob) for blob in blobs])]


def test_the_files_are_their_owners_alone(path: Path, unit: SealingUnit) -> None:
    with closing(SqliteStore(path)) as store:
        take(store, unit, unit.seal())
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}


def test_another_programs_database_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match="another program's database"):
        SqliteStore(path)


def test_a_newer_version_is_left_alone(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="version 99, this program knows 1"):
        SqliteStore(path)


def test_what_is_no_database_is_named(path: Path) -> None:
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreError, match="not a database"):
        SqliteStore(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        SqliteStore(tmp_path / "absent" / "reads.db")


def test_a_full_disk_keeps_nothing_of_the_batch_and_passes(path: Path, unit: SealingUnit) -> None:
    blobs = unit.seal(40)
    with closing(SqliteStore(path)) as store:
        take(store, unit, blobs[:1])
        with file_size_limit(16_384), pytest.raises(StoreUnavailable):
            take(store, unit, blobs)
        assert take(store, unit, blobs) == [Verdict.REPEAT, *[Verdict.NEW] * 39]


def test_a_process_waits_for_anothers_part_of_the_same_feed(path: Path, unit: SealingUnit) -> None:
    blobs = unit.seal(2)
    key = FeedKey(FLEET, unit.unit, FEED, unit.key.kid)
    verdicts: list[Verdict] = []

    def other() -> None:
        with closing(SqliteStore(path)) as store:
            verdicts.extend(take(store, unit, blobs))

    with closing(SqliteStore(path)) as store:
        take(store, unit, blobs[:1])
        late = Thread(target=other)
        with store.batch([key]):
            late.start()
            late.join(0.3)
            assert late.is_alive()
        late.join(30)
    assert verdicts == [Verdict.REPEAT, Verdict.NEW]


def test_who_waits_too_long_may_try_again(path: Path, unit: SealingUnit) -> None:
    (blob,) = unit.seal()
    with (
        closing(SqliteStore(path)) as one,
        closing(SqliteStore(path, busy_s=0.1)) as other,
        one.batch([]),
        pytest.raises(StoreUnavailable, match="locked"),
    ):
        take(other, unit, [blob])


def test_what_is_forgotten_is_overwritten(path: Path, unit: SealingUnit) -> None:
    with closing(SqliteStore(path)) as store:
        take(store, unit, unit.seal(3))
        assert any(PLATE.encode() in file.read_bytes() for file in path.parent.iterdir())
        store.forget_before(TOMORROW)
        assert not any(PLATE.encode() in file.read_bytes() for file in path.parent.iterdir())
