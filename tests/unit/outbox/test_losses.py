"""Every number given up lies in a range with its cause, until a report of it has arrived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from anpr_edge.outbox import housekeeping, losses
from anpr_edge.outbox.outbox import SMALLEST_BYTES, SqliteOutbox
from anpr_edge.records import Delivery, Loss, LossCause, SealedRead
from anpr_edge.seams import SealAs
from tests.fakes import FakeClock
from tests.unit.outbox.accounts import kept, unaccounted
from tests.unit.outbox.samples import BLOB_BYTES, BOOT, keep, opened, sealing, send
from tests.unit.outbox.test_bounds import HOLDS

REPORT = b"report "


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def small(clock: FakeClock, tmp_path: Path) -> Iterator[SqliteOutbox]:
    with closing(opened(tmp_path / "outbox.db", clock, max_bytes=SMALLEST_BYTES)) as made:
        yield made


def reporting(feed: str, lost: Sequence[Loss]) -> SealAs:
    """A report as long as a read, that can be looked at."""
    return lambda seq, _: SealedRead(feed, seq, (REPORT + repr(list(lost)).encode()).ljust(BLOB_BYTES, b"."))


def shown(outbox: SqliteOutbox, feed: str = "charging") -> tuple[Loss, ...]:
    return outbox.stats()[feed].losses


def reports(outbox: SqliteOutbox) -> list[bytes]:
    return [e.read.blob.rstrip(b".") for e in outbox.due(10_000) if e.read.blob.startswith(REPORT)]


def test_consecutive_losses_of_one_cause_are_one_range(small: SqliteOutbox) -> None:
    for _ in range(HOLDS + 9):
        keep(small, 1)
    assert shown(small) == (Loss(1, 9, LossCause.FULL),)


def test_causes_are_told_apart(small: SqliteOutbox) -> None:
    keep(small, HOLDS)
    send(small, 3, 4)
    keep(small, 3)
    assert shown(small) == (Loss(3, 4, LossCause.FULL_SENT), Loss(1, 1, LossCause.FULL))


def test_a_range_does_not_grow_over_a_read_that_is_here(small: SqliteOutbox) -> None:
    keep(small, HOLDS)
    send(small, 2, 5)
    keep(small, 2)
    assert shown(small) == (Loss(2, 2, LossCause.FULL_SENT), Loss(5, 5, LossCause.FULL_SENT))
    assert unaccounted(small, range(1, HOLDS + 3)) == []


def test_what_expired_is_lost_by_number(small: SqliteOutbox, clock: FakeClock) -> None:
    keep(small, 3)
    clock.advance(25 * 3600)
    keep(small, 1)
    assert shown(small) == (Loss(1, 3, LossCause.EXPIRED),)


def test_reads_that_were_never_sealed_use_up_numbers(small: SqliteOutbox) -> None:
    keep(small, 2)
    small.give_up({("charging", LossCause.NO_OUTBOX): 5, ("charging", LossCause.UNSEALABLE): 1})
    assert keep(small, 1) == [9]
    assert shown(small) == (Loss(3, 7, LossCause.NO_OUTBOX), Loss(8, 8, LossCause.UNSEALABLE))
    assert small.stats()["charging"].dropped == {"no-outbox": 5, "unsealable": 1}


def test_numbers_of_reads_that_were_never_sealed_are_not_used_again(
    small: SqliteOutbox, tmp_path: Path
) -> None:
    keep(small, 1)
    small.give_up({("charging", LossCause.NO_OUTBOX): 5})
    small.close()
    for file in tmp_path.glob("outbox.db*"):
        if not file.name.endswith("marks"):
            file.unlink()
    with closing(opened(tmp_path / "outbox.db", FakeClock())) as anew:
        assert keep(anew, 1)[0] > 2**40
        assert shown(anew) == (Loss(1, 6, LossCause.BROKEN),)


def test_a_loss_is_reported_once(small: SqliteOutbox) -> None:
    keep(small, HOLDS + 2)
    assert small.report_losses(reporting) == 1
    assert reports(small) == [REPORT + repr([Loss(1, 2, LossCause.FULL)]).encode()]
    small.settle("charging", HOLDS + 3, [])
    assert small.report_losses(reporting) == 0
    assert small.stats()["charging"].losses_to_report == 0


def test_a_report_that_is_given_up_itself_is_made_again(small: SqliteOutbox) -> None:
    keep(small, HOLDS + 1)
    small.report_losses(reporting)
    keep(small, HOLDS)
    assert reports(small) == []
    assert small.report_losses(reporting) == 1
    (again,) = reports(small)
    assert b"Loss(first=1, " in again
    lost = small._db.execute("SELECT min(first), max(last) FROM losses").fetchone()
    assert lost == (1, min(kept(small)) - 1)


def test_a_feed_that_gets_nothing_any_more_gets_no_report(small: SqliteOutbox) -> None:
    keep(small, HOLDS + 1)
    assert small.report_losses(lambda feed, lost: None) == 0
    assert small.stats()["charging"].losses_to_report == 1


def test_one_report_names_a_hundred_ranges_and_the_next_the_rest(clock: FakeClock, tmp_path: Path) -> None:
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        keep(outbox, 300)
        outbox._db.execute("DELETE FROM reads WHERE seq % 2 = 0")
        outbox.settle("charging", 0, [(1, 300)])
        assert outbox.report_losses(reporting) == 1
        assert outbox.stats()["charging"].losses_to_report == 50
        assert outbox.report_losses(reporting) == 1
        assert outbox.stats()["charging"].losses_to_report == 0


def test_a_gap_that_can_never_be_filled_is_reported(small: SqliteOutbox) -> None:
    keep(small, 5)
    send(small, 1, 2, 3, 4, 5)
    small.settle("charging", 3, [])
    small.settle("charging", 5, [(2, 3)])
    assert shown(small) == (Loss(2, 3, LossCause.UNKNOWN),)


def test_what_an_older_watermark_asks_for_is_no_loss(small: SqliteOutbox) -> None:
    keep(small, 5)
    send(small, 1, 2, 3, 4, 5)
    small.settle("charging", 5, [])
    small.settle("charging", 4, [(2, 3)])
    assert shown(small) == ()


def test_a_gap_that_is_here_is_no_loss(small: SqliteOutbox) -> None:
    keep(small, 5)
    send(small, 1, 2, 3, 4, 5)
    small.settle("charging", 5, [(2, 3)])
    assert shown(small) == ()


def test_a_loss_that_is_asked_for_again_is_reported_again_but_not_at_once(
    small: SqliteOutbox, clock: FakeClock
) -> None:
    keep(small, HOLDS + 2)
    small.report_losses(reporting)
    last = HOLDS + 3
    send(small, *range(1, last + 1))
    small.settle("charging", last, [])
    small.settle("charging", last, [(1, 2)])
    assert small.report_losses(reporting) == 0
    clock.advance(601)
    small.settle("charging", last, [(1, 2)])
    assert small.report_losses(reporting) == 1
    assert reports(small) == [REPORT + repr([Loss(1, 2, LossCause.FULL)]).encode()]


def test_losses_are_bounded(clock: FakeClock, tmp_path: Path) -> None:
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        count = 2 * losses.MOST_KEPT + 400
        for _ in range(count // 100):
            keep(outbox, 100)
        outbox.record([Delivery("charging", seq, 0) for seq in range(2, count, 2)])
        with outbox._transaction() as db:
            rows = db.execute("SELECT id, feed, seq FROM reads WHERE state = 1").fetchall()
            housekeeping._drop(db, rows, LossCause.FULL_SENT)
            housekeeping._drop(db, db.execute("SELECT id, feed, seq FROM reads").fetchall(), LossCause.FULL)
        assert outbox._db.execute("SELECT count(*) FROM losses").fetchone()[0] <= losses.MOST_KEPT
        assert unaccounted(outbox, range(1, count + 1)) == []


def test_retention_of_zero_reports_what_it_costs(clock: FakeClock, tmp_path: Path) -> None:
    made = SqliteOutbox(
        tmp_path / "outbox.db",
        clock,
        max_bytes=SMALLEST_BYTES,
        retention={},
        default_retention=timedelta(0),
        boot_id=BOOT,
        start=lambda: 1,
    )
    with closing(made) as outbox:
        outbox.append([sealing("gone")])
        clock.advance(61)
        outbox.due(1)
        assert shown(outbox, "gone") == (Loss(1, 1, LossCause.EXPIRED),)
