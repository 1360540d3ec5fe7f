"""No number is ever used twice, and a chain that had to start again says so."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from anpr_edge.errors import OutboxError
from anpr_edge.outbox.marks import SYNC_EVERY, Marks, read_marks
from anpr_edge.outbox.numbering import HIGHEST_START
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import EPOCH_NUMBERS, SealedRead
from tests.fakes import FakeClock
from tests.unit.outbox.samples import keep, numbers, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def previous_of_next(outbox: SqliteOutbox, feed: str = "charging") -> bytes:
    """The hash that the feed's next read follows."""
    seen = []

    def seal(seq: int, previous: bytes) -> SealedRead:
        seen.append(previous)
        return SealedRead(feed, seq, b"blob")

    outbox.append([(feed, seal)])
    return seen[0]


def test_numbers_and_chain_go_on_after_a_restart(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 3)
        before = previous_of_next(outbox)
        outbox.settle("charging", 4, [])
    with closing(opened(path, FakeClock())) as outbox:
        assert previous_of_next(outbox) not in (before, bytes(32))
        assert keep(outbox, 1) == [6]
        assert outbox.stats()["charging"].restarts == 0


def test_a_lost_database_starts_again_far_above_its_mark(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 7)
        keep(outbox, 2, "police")
    path.unlink()
    with closing(opened(path, FakeClock())) as outbox:
        assert previous_of_next(outbox) == bytes(32)
        assert keep(outbox, 1) == [EPOCH_NUMBERS + 2]
        assert keep(outbox, 1, "police") == [EPOCH_NUMBERS + 1]
        assert outbox.stats()["charging"].restarts == 1


def test_an_older_copy_put_back_is_noticed(path: Path, tmp_path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 3)
    shutil.copy(path, tmp_path / "copy.db")
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 2)
    shutil.copy(tmp_path / "copy.db", path)
    with closing(opened(path, FakeClock())) as outbox:
        assert previous_of_next(outbox) == bytes(32)
        assert keep(outbox, 1) == [EPOCH_NUMBERS + 2]
        assert sorted(numbers(outbox))[:3] == [1, 2, 3]


def test_the_latest_copy_put_back_is_as_good_as_the_file(path: Path, tmp_path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 3)
    shutil.copy(path, tmp_path / "copy.db")
    shutil.copy(tmp_path / "copy.db", path)
    with closing(opened(path, FakeClock())) as outbox:
        assert keep(outbox, 1) == [4]


def test_lost_marks_alone_lose_nothing(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 3)
    path.with_name("outbox.db.marks").unlink()
    with closing(opened(path, FakeClock())) as outbox:
        assert keep(outbox, 1) == [4]
    assert read_marks(path.with_name("outbox.db.marks")) == {"charging": 4}


def test_marks_are_kept_for_every_feed(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 3)
        keep(outbox, 1, "police")
        keep(outbox, 2)
    assert read_marks(path.with_name("outbox.db.marks")) == {"charging": 5, "police": 1}


def test_a_refused_batch_uses_no_number_and_moves_no_mark(path: Path) -> None:
    def failing(_seq: int, _previous: bytes) -> SealedRead:
        raise ValueError("no")

    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 1)
        with pytest.raises(ValueError, match="no"):
            outbox.append([("charging", failing)])
        assert read_marks(path.with_name("outbox.db.marks")) == {"charging": 1}
        assert keep(outbox, 1) == [2]


@pytest.mark.parametrize("junk", [b"", b"000", b"\xff\xfe\n", b"00000000000000000005 \n"])
def test_lines_that_are_no_marks_count_as_absent(tmp_path: Path, junk: bytes) -> None:
    file = tmp_path / "marks"
    file.write_bytes(b"00000000000000000007 charging\n" + junk)
    assert read_marks(file) == {"charging": 7}
    marks = Marks(file, 0o660)
    marks.prepare({"charging": 3, "police": 1})
    marks.advance({"charging": 8})
    marks.close()
    assert read_marks(file) == {"charging": 8, "police": 1}


def test_a_mark_never_falls_an_epoch_behind_the_disk() -> None:
    assert SYNC_EVERY < EPOCH_NUMBERS - HIGHEST_START


def first_numbers(path: Path) -> list[int]:
    """Where the two feeds of a new unit begin."""
    path.parent.mkdir()
    outbox = SqliteOutbox(path, FakeClock(), max_bytes=10_000_000, retention={})
    with closing(outbox):
        return [keep(outbox, 3, feed)[0] for feed in ("charging", "police")]


def test_two_feeds_do_not_count_in_step_nor_tell_how_many_reads_there_were(tmp_path: Path) -> None:
    """Four units, eight feeds: all begin elsewhere, far from 1, and far from each other."""
    starts = sorted(number for unit in range(4) for number in first_numbers(tmp_path / str(unit) / "o.db"))
    assert all(0 < number <= HIGHEST_START for number in starts)
    assert all(later - earlier > 3 for earlier, later in pairwise([3, *starts]))


def test_a_feed_counts_on_from_its_beginning_without_holes(path: Path) -> None:
    outbox = SqliteOutbox(path, FakeClock(), max_bytes=10_000_000, retention={})
    with closing(outbox):
        numbers_of = keep(outbox, 5)
    assert numbers_of == list(range(numbers_of[0], numbers_of[0] + 5))
    with closing(SqliteOutbox(path, FakeClock(), max_bytes=10_000_000, retention={})) as outbox:
        assert keep(outbox, 1) == [numbers_of[0] + 5]
        assert outbox.stats()["charging"].restarts == 0


def test_each_loss_is_another_epoch(path: Path) -> None:
    for epoch in range(3):
        with closing(SqliteOutbox(path, FakeClock(), max_bytes=10_000_000, retention={})) as outbox:
            (number,) = keep(outbox, 1)
            assert number // EPOCH_NUMBERS == epoch
        path.unlink()


def test_a_loss_is_counted_once_however_often_the_outbox_is_opened_before_the_next_read(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 7)
    path.unlink()
    for _ in range(3):
        opened(path, FakeClock()).close()
    with closing(opened(path, FakeClock())) as outbox:
        assert keep(outbox, 1) == [EPOCH_NUMBERS + 1]
        assert outbox.stats()["charging"].restarts == 1


def test_a_feed_whose_first_read_was_never_kept_has_lost_nothing(path: Path) -> None:
    def failing(_seq: int, _previous: bytes) -> SealedRead:
        raise ValueError("no")

    for _ in range(2):
        outbox = SqliteOutbox(path, FakeClock(), max_bytes=10_000_000, retention={})
        with closing(outbox), pytest.raises(ValueError, match="no"):
            outbox.append([("charging", failing)])
    with closing(SqliteOutbox(path, FakeClock(), max_bytes=10_000_000, retention={})) as outbox:
        assert keep(outbox, 1)[0] < EPOCH_NUMBERS
        assert outbox.stats()["charging"].restarts == 0


def test_marks_that_cannot_be_read_say_so(path: Path) -> None:
    path.with_name("outbox.db.marks").mkdir()
    with pytest.raises(OutboxError, match=r"outbox\.db\.marks: Is a directory"):
        opened(path, FakeClock())


def test_a_new_feed_needs_its_mark_before_its_first_number(path: Path) -> None:
    blocker = path.with_name("outbox.db.marks.new")
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 1)
        blocker.mkdir()
        with pytest.raises(OutboxError, match=r"outbox\.db\.marks: "):
            keep(outbox, 1, "police")
        assert keep(outbox, 1) == [2]
        blocker.rmdir()
        assert keep(outbox, 1, "police") == [1]


def test_a_mark_that_cannot_be_written_is_counted_and_loses_no_read(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 1)
        make_read_only(path.with_name("outbox.db.marks"))
        assert keep(outbox, 1) == [2]
        assert outbox.lost_marks == 1
        assert sorted(numbers(outbox)) == [1, 2]


def make_read_only(file: Path) -> None:
    """Every descriptor this process has of `file` can only read from now on."""
    for link in Path("/proc/self/fd").iterdir():
        if link.exists() and link.resolve() == file:
            reading = os.open(file, os.O_RDONLY)
            os.dup2(reading, int(link.name))
            os.close(reading)
