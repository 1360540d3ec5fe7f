"""Every past schema is brought up to date with its rows; a later one is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.errors import OutboxError
from anpr_edge.outbox.migrations import SCHEMA_VERSION
from anpr_edge.records import Loss, LossCause
from tests.fakes import EPOCH_NS, FakeClock
from tests.unit.outbox.accounts import kept
from tests.unit.outbox.samples import keep, numbers, opened, send

DATABASES = Path(__file__).parents[2] / "databases"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An outbox of schema 1, 3730 s old, with reads in every state."""
    path = tmp_path / "outbox.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript((DATABASES / "outbox_v1.sql").read_text())
    return path


def clock_of_the_fixture() -> FakeClock:
    clock = FakeClock(EPOCH_NS)
    clock.advance(3730)
    return clock


def test_there_is_a_fixture_of_every_past_schema() -> None:
    assert {f"outbox_v{n}.sql" for n in range(1, SCHEMA_VERSION)} <= {one.name for one in DATABASES.iterdir()}


def test_reads_in_every_state_are_taken_over_from_schema_1(old: Path) -> None:
    with closing(opened(old, clock_of_the_fixture())) as outbox:
        assert outbox._db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        stats = outbox.stats()
        charging, police = stats["charging"], stats["police"]
        assert (charging.waiting, charging.sent, charging.last_seq, charging.watermark) == (3, 3, 8, 2)
        assert (police.waiting, police.restarts, police.refused_acks) == (1, 1, 1)
        assert police.dropped == {"expired": 3, "expired-sent": 1}
        assert kept(outbox) == {3, 4, 5, 6, 7, 8}


def test_an_outbox_taken_over_goes_on(old: Path) -> None:
    with closing(opened(old, clock_of_the_fixture())) as outbox:
        assert keep(outbox, 1) == [9]
        send(outbox, 5, 6, 8, 9)
        outbox.settle("charging", 9, [(7, 7)])
        assert (7 in numbers(outbox), kept(outbox)) == (True, {7})


def test_what_schema_1_gave_up_without_its_numbers_is_lost_once_it_is_asked_for(old: Path) -> None:
    with closing(opened(old, clock_of_the_fixture())) as outbox:
        outbox.settle("police", 5, [(1, 4)])
        assert outbox.stats()["police"].losses == (Loss(1, 4, LossCause.UNKNOWN),)


def test_both_ways_to_the_present_schema_are_the_same(old: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.db"
    for path in (old, fresh):
        opened(path, clock_of_the_fixture()).close()
    query = "SELECT type, name, tbl_name, replace(sql, '\"', '') FROM sqlite_schema ORDER BY name"
    with closing(sqlite3.connect(old)) as one, closing(sqlite3.connect(fresh)) as other:
        assert one.execute(query).fetchall() == other.execute(query).fetchall()


def of_a_later_release(path: Path, usable_since: int | None) -> None:
    """Make of a present outbox what a later release leaves, that added to it."""
    opened(path, clock_of_the_fixture()).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        db.execute("ALTER TABLE reads ADD COLUMN later INTEGER")
        if usable_since is not None:
            db.execute("CREATE TABLE usable_since (schema INTEGER NOT NULL) STRICT")
            db.execute("INSERT INTO usable_since VALUES (?)", (usable_since,))


def test_after_an_update_that_came_back_a_later_outbox_that_allows_it_goes_on(old: Path) -> None:
    of_a_later_release(old, SCHEMA_VERSION)
    with closing(opened(old, clock_of_the_fixture())) as outbox:
        assert outbox._db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
        assert kept(outbox) == {3, 4, 5, 6, 7, 8}
        assert keep(outbox, 1) == [9]
        send(outbox, 9)
        assert outbox.stats()["charging"].last_seq == 9


@pytest.mark.parametrize("since", [None, SCHEMA_VERSION + 1])
def test_a_later_outbox_that_does_not_allow_it_is_refused(old: Path, since: int | None) -> None:
    of_a_later_release(old, since)
    with pytest.raises(OutboxError, match=f"schema version {SCHEMA_VERSION + 1}"):
        opened(old, clock_of_the_fixture())
