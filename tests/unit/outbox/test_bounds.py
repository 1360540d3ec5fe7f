"""Bounded in bytes and in age, and every read it gives up is counted with its cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from anpr_edge.errors import OutboxError
from anpr_edge.outbox.housekeeping import READ_OVERHEAD_BYTES
from anpr_edge.outbox.outbox import SMALLEST_BYTES, SqliteOutbox
from tests.fakes import FakeClock
from tests.unit.outbox.samples import BLOB_BYTES, BOOT, NEXT_BOOT, keep, numbers, opened, send

READ_BYTES = BLOB_BYTES + READ_OVERHEAD_BYTES
HOLDS = SMALLEST_BYTES // READ_BYTES


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def small(clock: FakeClock, tmp_path: Path) -> Iterator[SqliteOutbox]:
    with closing(opened(tmp_path / "outbox.db", clock, max_bytes=SMALLEST_BYTES)) as made:
        yield made


def test_a_full_outbox_drops_the_oldest(small: SqliteOutbox) -> None:
    keep(small, HOLDS)
    keep(small, 3)
    assert sorted(numbers(small)) == list(range(4, HOLDS + 4))
    assert small.stats()["charging"].dropped == {"full": 3}


def test_a_full_outbox_drops_sent_reads_first(small: SqliteOutbox) -> None:
    keep(small, HOLDS)
    send(small, 5, 6, HOLDS)
    keep(small, 2)
    assert small.stats()["charging"].dropped == {"full-sent": 2}
    keep(small, 2)
    assert small.stats()["charging"].dropped == {"full-sent": 3, "full": 1}
    assert sorted(numbers(small))[:5] == [2, 3, 4, 7, 8]


def test_a_feed_that_takes_more_than_its_share_crowds_out_no_other(small: SqliteOutbox) -> None:
    keep(small, 2, "police")
    keep(small, HOLDS, "charging")
    stats = small.stats()
    assert (stats["police"].waiting, stats["police"].dropped) == (2, {})
    assert stats["charging"].dropped == {"full": 2}
    assert sorted(numbers(small)) == [1, 2, *range(3, HOLDS + 1)]


def test_feeds_that_all_want_more_have_equal_shares(small: SqliteOutbox) -> None:
    for _ in range(3):
        for feed in ("charging", "police", "traffic"):
            keep(small, HOLDS, feed)
    taken = [stats.bytes for stats in small.stats().values()]
    assert max(taken) - min(taken) <= 2 * READ_BYTES
    assert SMALLEST_BYTES - 2 * READ_BYTES < sum(taken) <= SMALLEST_BYTES


def test_sent_reads_of_any_feed_go_before_unsent_ones(small: SqliteOutbox) -> None:
    keep(small, 3, "police")
    send(small, 1, 2, feed="police")
    keep(small, HOLDS, "charging")
    stats = small.stats()
    assert stats["police"].dropped == {"full-sent": 2}
    assert stats["charging"].dropped == {"full": 1}


def test_the_limit_is_kept_to_the_byte(small: SqliteOutbox, tmp_path: Path) -> None:
    for _ in range(5):
        keep(small, HOLDS)
    assert small.stats()["charging"].bytes == HOLDS * READ_BYTES <= SMALLEST_BYTES
    small.close()
    assert (tmp_path / "outbox.db").stat().st_size < 5 * SMALLEST_BYTES


def test_the_count_of_bytes_is_what_the_file_holds(clock: FakeClock, tmp_path: Path) -> None:
    outbox = opened(tmp_path / "outbox.db", clock)
    keep(outbox, 2000)
    counted = outbox.stats()["charging"].bytes
    outbox.close()
    assert (tmp_path / "outbox.db").stat().st_size == pytest.approx(counted, rel=0.15)


def test_an_outbox_too_small_to_be_one_is_refused(clock: FakeClock, tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="at least 65536"):
        opened(tmp_path / "outbox.db", clock, max_bytes=SMALLEST_BYTES - 1)


def test_counts_follow_every_change(small: SqliteOutbox) -> None:
    keep(small, 10)
    send(small, 1, 2, 3, 4)
    assert (small.stats()["charging"].waiting, small.stats()["charging"].sent) == (6, 4)
    small.settle("charging", 4, [(2, 2)])
    stats = small.stats()["charging"]
    assert (stats.waiting, stats.sent, stats.bytes) == (7, 0, 7 * READ_BYTES)
    assert (stats.last_seq, stats.watermark, stats.dropped) == (10, 4, {})


def test_the_oldest_read_kept_has_an_age(small: SqliteOutbox, clock: FakeClock) -> None:
    assert small.stats() == {}
    keep(small, 1)
    clock.advance(90)
    keep(small, 1)
    assert small.stats()["charging"].oldest_age_s == 90
    send(small, 1, 2)
    small.settle("charging", 2, [])
    assert small.stats()["charging"].oldest_age_s is None


def test_refused_watermarks_are_counted(small: SqliteOutbox) -> None:
    keep(small, 1)
    with pytest.raises(OutboxError, match="watermark 2 for feed 'charging': the last number given out is 1"):
        small.settle("charging", 2, [])
    with pytest.raises(OutboxError, match="a gap is not within 1 and"):
        small.settle("charging", 2, [(0, 1)])
    assert small.stats()["charging"].refused_acks == 2


def test_a_read_goes_when_it_is_older_than_its_feed_allows(small: SqliteOutbox, clock: FakeClock) -> None:
    keep(small, 2, "police")
    keep(small, 2, "charging")
    send(small, 1, feed="police")
    clock.advance(3601)
    assert sorted(numbers(small)) == [1, 2]
    stats = small.stats()
    assert stats["police"].dropped == {"expired": 1, "expired-sent": 1}
    assert stats["charging"].dropped == {}


def test_more_expire_at_once_than_fit_in_one_step(clock: FakeClock, tmp_path: Path) -> None:
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        keep(outbox, 1234, "police")
        clock.advance(1800)
        keep(outbox, 1, "police")
        clock.advance(1801)
        assert numbers(outbox) == [1235]
        assert outbox.stats()["police"].dropped == {"expired": 1234}


def test_a_feed_no_longer_configured_keeps_its_reads_a_week(clock: FakeClock, tmp_path: Path) -> None:
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        keep(outbox, 1, "gone")
        clock.advance(7 * 86_400 - 1)
        assert numbers(outbox) == [1]
        clock.advance(61)
        assert numbers(outbox) == []


@pytest.mark.parametrize("step_s", [86_400 * 2, -86_400 * 2])
def test_a_step_of_the_wall_clock_loses_nothing(small: SqliteOutbox, clock: FakeClock, step_s: int) -> None:
    keep(small, 3)
    clock.step_utc(step_s)
    clock.advance(120)
    keep(small, 1)
    assert sorted(numbers(small)) == [1, 2, 3, 4]
    assert small.stats()["charging"].dropped == {}


@pytest.mark.parametrize("step_s", [86_400 * 2, -86_400 * 2])
def test_a_step_of_the_wall_clock_keeps_nothing_longer(
    small: SqliteOutbox, clock: FakeClock, step_s: int
) -> None:
    keep(small, 3)
    clock.step_utc(step_s)
    clock.advance(86_401)
    assert numbers(small) == []
    assert small.stats()["charging"].dropped == {"expired": 3}


def test_a_step_of_the_wall_clock_while_restarting_loses_nothing(clock: FakeClock, tmp_path: Path) -> None:
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        keep(outbox, 1)
    clock.step_utc(86_400 * 2)
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        assert numbers(outbox) == [1]


def rebooted(
    path: Path, before: FakeClock, *, off_s: float, synced: bool = True
) -> tuple[SqliteOutbox, FakeClock]:
    """The outbox after the machine was off for `off_s`: another boot, monotonic time from zero."""
    utc_ns = before.now().utc_ns + round(off_s * 1e9)
    after = FakeClock(utc_ns, 1.0 if synced else None)
    return opened(path, after, boot_id=NEXT_BOOT), after


def test_the_time_switched_off_counts_when_both_clocks_were_right(clock: FakeClock, tmp_path: Path) -> None:
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        keep(outbox, 1)
    outbox, _ = rebooted(tmp_path / "outbox.db", clock, off_s=86_401)
    with closing(outbox):
        assert numbers(outbox) == []
        assert outbox.stats()["charging"].dropped == {"expired": 1}


def test_the_time_switched_off_counts_once_the_clock_is_right(clock: FakeClock, tmp_path: Path) -> None:
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        keep(outbox, 1)
    outbox, after = rebooted(tmp_path / "outbox.db", clock, off_s=5, synced=False)
    with closing(outbox):
        after.advance(120)
        assert numbers(outbox) == [1]
        after.step_utc(86_400 * 3)
        after.utc_error_ms = 1.0
        after.advance(120)
        assert numbers(outbox) == []


def test_a_clock_that_was_never_right_expires_nothing_early(clock: FakeClock, tmp_path: Path) -> None:
    clock.utc_error_ms = None
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        keep(outbox, 1)
    outbox, after = rebooted(tmp_path / "outbox.db", clock, off_s=86_400 * 365)
    with closing(outbox):
        after.advance(86_000)
        assert numbers(outbox) == [1]
        after.advance(500)
        assert numbers(outbox) == []


def test_a_clock_set_back_over_a_reboot_expires_nothing_early(clock: FakeClock, tmp_path: Path) -> None:
    with closing(opened(tmp_path / "outbox.db", clock)) as outbox:
        keep(outbox, 1)
    outbox, _ = rebooted(tmp_path / "outbox.db", clock, off_s=-86_400)
    with closing(outbox):
        assert numbers(outbox) == [1]
        assert outbox.stats()["charging"].oldest_age_s == 0


def test_a_default_retention_may_be_given(clock: FakeClock, tmp_path: Path) -> None:
    outbox = SqliteOutbox(
        tmp_path / "outbox.db",
        clock,
        max_bytes=SMALLEST_BYTES,
        retention={},
        default_retention=timedelta(seconds=90),
        boot_id=BOOT,
    )
    with closing(outbox):
        keep(outbox, 1)
        clock.advance(91)
        assert numbers(outbox) == []


def test_a_feed_that_is_first_goes_before_live_reads_and_backlog_of_others(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(opened(tmp_path / "outbox.db", clock, first=["police"])) as outbox:
        keep(outbox, 3)
        keep(outbox, 2, "police")
        clock.advance(120)
        keep(outbox, 2)
        assert [entry.read.feed for entry in outbox.due(4)] == ["police", "police", "charging", "charging"]
        assert len(outbox.due(100)) == len({(e.read.feed, e.read.seq) for e in outbox.due(100)}) == 7
