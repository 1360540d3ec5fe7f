"""The commit stage on a real outbox: reads share commits, and wait in memory while it takes none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from anpr_edge.daemon import keeping
from anpr_edge.daemon.gate import FeedGate
from anpr_edge.daemon.health import Counters
from anpr_edge.daemon.keeping import BATCH, MOST_HELD, PATIENT_HELD, ReadKeeper, finish
from anpr_edge.errors import OutboxError, OutboxFull, SealError, SignerUnavailable
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Loss, LossCause, PlateRead, SealedRead
from anpr_edge.seal.policy.model import ALWAYS_ON, unsigned_policy
from anpr_edge.seams import SealAs, Sealer
from tests.fakes import FakeClock, FakeSealer
from tests.sealed_reads import made_up_read
from tests.unit.seal.policies import CHARGING

READ = made_up_read()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def outbox(folder: Path, clock: FakeClock) -> Iterator[SqliteOutbox]:
    day = {"a": timedelta(days=1), "b": timedelta(days=1)}
    made = SqliteOutbox(folder / "outbox.db", clock, max_bytes=50_000_000, retention=day, start=lambda: 1)
    with closing(made):
        yield made


def keeper_of(
    outbox: SqliteOutbox,
    clock: FakeClock,
    *,
    sealer: Sealer | None = None,
    window_s: float = 0.5,
    may_drop: bool = True,
    urgent: Sequence[str] = (),
) -> ReadKeeper:
    feeds = [
        replace(
            CHARGING, name=name, calendar=ALWAYS_ON, reads="all", share=1.0, time_ms=1, most_per_minute=None
        )
        for name in "ab"
    ]
    gate = FeedGate(unsigned_policy("testfleet", "unit-0001", tuple(feeds)), clock)
    return ReadKeeper(
        outbox,
        sealer or FakeSealer("ab"),
        gate,
        clock,
        Counters(),
        window_s=window_s,
        may_drop=may_drop,
        urgent=frozenset(urgent),
    )


def commits(outbox: SqliteOutbox) -> int:
    """How many transactions the file has seen, by groups of reads kept at one age."""
    return int(outbox._db.execute("SELECT count(DISTINCT kept_age) FROM reads").fetchone()[0])


def take(keeper: ReadKeeper, count: int, read: PlateRead = READ) -> None:
    for _ in range(count):
        keeper.take(read)


def test_reads_within_the_window_share_a_commit(outbox: SqliteOutbox, clock: FakeClock) -> None:
    keeper = keeper_of(outbox, clock)
    for _ in range(5):
        keeper.take(READ)
        assert keeper.work() is None
        clock.advance(0.08)
    assert outbox.due(100) == []
    assert keeper.wait_s(9) == pytest.approx(0.1)
    clock.advance(0.11)
    keeper.work()
    assert len(outbox.due(100)) == 10
    assert commits(outbox) == 1
    assert len(keeper) == 0


def test_a_read_for_a_feed_that_goes_first_waits_for_nobody(outbox: SqliteOutbox, clock: FakeClock) -> None:
    keeper = keeper_of(outbox, clock, urgent=["b"])
    keeper.take(READ)
    assert keeper.wait_s(9) == 0
    keeper.work()
    assert len(outbox.due(100)) == 2


def test_a_burst_does_not_wait_for_its_window(outbox: SqliteOutbox, clock: FakeClock) -> None:
    keeper = keeper_of(outbox, clock, window_s=5)
    take(keeper, BATCH)
    keeper.work()
    assert len(outbox.due(1000)) == 2 * BATCH


def away(folder: Path) -> Path:
    """Take the outbox's folder away, as an unmounted disk is."""
    return folder.rename(folder.with_name("away"))


def test_reads_wait_in_memory_and_are_kept_when_the_disk_is_back(
    outbox: SqliteOutbox, clock: FakeClock, folder: Path
) -> None:
    keeper = keeper_of(outbox, clock)
    gone = away(folder)
    take(keeper, 3)
    clock.advance(1)
    assert isinstance(keeper.work(), OutboxError)
    assert (keeper.down, len(keeper), keeper.wait_s(9)) == (True, 3, 1.0)
    assert keeper.work() is None
    gone.rename(folder)
    clock.advance(1)
    assert keeper.work() is None
    assert (keeper.down, len(keeper)) == (False, 0)
    assert len(outbox.due(100)) == 6


class OnFullDisk(SqliteOutbox):
    """Has room only for those who let older reads give way."""

    is_tight = True

    def append(self, requests: Sequence[tuple[str, SealAs]], *, patient: bool = False) -> list[SealedRead]:
        if patient:
            raise OutboxFull("the disk is full")
        return super().append(requests)


def on_full_disk(folder: Path, clock: FakeClock) -> OnFullDisk:
    day = {"a": timedelta(days=1), "b": timedelta(days=1)}
    return OnFullDisk(folder / "full.db", clock, max_bytes=50_000_000, retention=day, start=lambda: 1)


def test_on_a_full_disk_reads_wait_a_minute_before_older_ones_give_way(
    clock: FakeClock, folder: Path
) -> None:
    with closing(on_full_disk(folder, clock)) as outbox:
        keeper = keeper_of(outbox, clock)
        take(keeper, 3)
        for _ in range(60):
            clock.advance(1)
            assert isinstance(keeper.work(), OutboxFull)
        clock.advance(1)
        assert keeper.work() is None
        assert (keeper.down, len(outbox.due(100))) == (False, 6)
        keeper.take(READ)
        clock.advance(1)
        assert keeper.work() is None  # it waits no second minute while the disk stays full


def test_many_reads_in_memory_do_not_wait_so_long(clock: FakeClock, folder: Path) -> None:
    with closing(on_full_disk(folder, clock)) as outbox:
        keeper = keeper_of(outbox, clock)
        take(keeper, PATIENT_HELD - 1)
        clock.advance(1)
        assert isinstance(keeper.work(), OutboxFull)
        take(keeper, 1)
        clock.advance(1)
        assert keeper.work() is None


def test_memory_is_bounded_and_what_it_cannot_hold_is_a_gap_with_a_cause(
    outbox: SqliteOutbox, clock: FakeClock, folder: Path
) -> None:
    keeper = keeper_of(outbox, clock)
    gone = away(folder)
    take(keeper, MOST_HELD + 20)
    clock.advance(1)
    assert keeper.work() is not None
    assert len(keeper) == MOST_HELD
    assert keeper._counts.state() == {"no-outbox": 20}
    gone.rename(folder)
    for _ in range(MOST_HELD // BATCH + 1):
        clock.advance(1)
        keeper.work()
    stats = outbox.stats()
    assert [stats[feed].waiting for feed in "ab"] == [MOST_HELD, MOST_HELD]
    assert stats["a"].losses == (Loss(BATCH + 1, BATCH + 20, LossCause.NO_OUTBOX),)
    assert stats["a"].dropped == {"no-outbox": 20}
    assert stats["b"].last_seq == MOST_HELD + 20


def test_a_file_waits_instead(outbox: SqliteOutbox, clock: FakeClock, folder: Path) -> None:
    keeper = keeper_of(outbox, clock, may_drop=False)
    away(folder)
    take(keeper, BATCH)
    assert not keeper.has_room


class SecondOf(FakeSealer):
    """Refuses one sealing with an error."""

    def __init__(self, at: int, error: Exception) -> None:
        super().__init__("ab")
        self._left, self._error = at, error

    def seal(self, read: PlateRead, feed: str, seq: int, previous: bytes) -> SealedRead:
        self._left -= 1
        if read.frames_used == 77 or self._left == 0:
            raise self._error
        return super().seal(read, feed, seq, previous)


def test_a_read_that_cannot_be_sealed_costs_itself_alone_and_its_number_is_lost(
    outbox: SqliteOutbox, clock: FakeClock
) -> None:
    keeper = keeper_of(outbox, clock, sealer=SecondOf(0, SealError("too long")), window_s=0)
    for frames in (5, 77, 5):
        keeper.take(replace(READ, frames_used=frames))
    keeper.work()
    stats = outbox.stats()["a"]
    assert (stats.waiting, stats.losses) == (2, (Loss(3, 3, LossCause.UNSEALABLE),))


def test_a_signer_that_stops_in_the_middle_makes_no_read_twice(
    outbox: SqliteOutbox, clock: FakeClock
) -> None:
    class Stumbling(SecondOf):
        """Cannot seal one read, and loses its key while the others are kept one by one."""

        def seal(self, read: PlateRead, feed: str, seq: int, previous: bytes) -> SealedRead:
            self._error = SealError("too long") if read.frames_used == 77 else SignerUnavailable("no TPM")
            return super().seal(read, feed, seq, previous)

    keeper = keeper_of(outbox, clock, sealer=Stumbling(8, SealError("")), window_s=0)
    for frames in (5, 5, 77, 5):
        keeper.take(replace(READ, frames_used=frames))
    assert isinstance(keeper.work(), SignerUnavailable)
    clock.advance(1)
    finish(keeper, lambda error: clock.sleep(1))
    assert outbox.stats()["a"].waiting == 3
    assert outbox.stats()["b"].waiting == 3


def test_losses_are_reported_in_time(outbox: SqliteOutbox, clock: FakeClock) -> None:
    keeper = keeper_of(outbox, clock, window_s=0)
    keeper.take(READ)
    keeper.work()
    keeper.work()
    outbox.give_up({("a", LossCause.NO_OUTBOX): 2})
    keeper.work()
    assert outbox.stats()["a"].losses_to_report == 1
    clock.advance(keeping.REPORT_EVERY_S)
    keeper.work()
    assert (outbox.stats()["a"].losses_to_report, outbox.stats()["a"].last_seq) == (0, 4)


def test_a_file_removed_on_a_quiet_road_is_noticed_without_a_read(
    outbox: SqliteOutbox, clock: FakeClock, folder: Path
) -> None:
    keeper = keeper_of(outbox, clock, window_s=0)
    keeper.take(READ)
    keeper.work()
    shutil.rmtree(folder)
    folder.mkdir()
    clock.advance(keeping.REPORT_EVERY_S)
    keeper.work()
    assert (folder / "outbox.db").exists()
    assert len(outbox.due(10)) == 2
