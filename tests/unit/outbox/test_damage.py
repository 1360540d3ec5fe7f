"""A damaged outbox: what can be read is saved, the rest is lost by number, and no number comes again."""

from __future__ import annotations

import os
import random
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.errors import OutboxBroken, OutboxError
from anpr_edge.outbox import aside
from anpr_edge.records import EPOCH_NUMBERS
from tests.fakes import FakeClock
from tests.unit.outbox.accounts import kept, unaccounted
from tests.unit.outbox.disks import failing_card, small_disk
from tests.unit.outbox.samples import keep, numbers, opened, send

PAGE = 4096
READS = 1200
TABLE_LEAF = 13
"""Source: sqlite.org/fileformat2.html §1.6, the page's first byte."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "8m") as made:
        yield made


def filled(path: Path, settled: int = 100) -> None:
    """An outbox of `READS` reads, the first `settled` of them confirmed and gone."""
    with closing(opened(path, FakeClock())) as outbox:
        for _ in range(READS // 100):
            keep(outbox, 100)
        send(outbox, *range(1, 300))
        outbox.settle("charging", settled, [])


def scribble(path: Path, pages: int, seed: int) -> None:
    """Overwrite random pages, but for the first, with garbage."""
    chance = random.Random(seed)
    count = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        for page in chance.sample(range(1, count), pages):
            file.seek(page * PAGE)
            file.write(chance.randbytes(PAGE))


@pytest.mark.parametrize("seed", range(12))
def test_pages_of_garbage_cost_the_reads_on_them_and_each_is_lost_by_number(path: Path, seed: int) -> None:
    filled(path)
    scribble(path, 1 + seed % 4, seed)
    with closing(opened(path, FakeClock())) as outbox:
        assert unaccounted(outbox, range(101, READS + 1)) == []
        first = keep(outbox, 1)[0]
        if outbox.rebuilds:
            assert first == EPOCH_NUMBERS + 1
        assert outbox._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_one_page_of_garbage_costs_few_reads(path: Path) -> None:
    filled(path)
    saved = []
    for seed in range(12):
        shutil.copytree(path.parent, path.parent.with_name(f"copy{seed}"))
        copy = path.parent.with_name(f"copy{seed}") / path.name
        scribble(copy, 1, seed)
        with closing(opened(copy, FakeClock())) as outbox:
            saved.append(len(kept(outbox)))
    assert sorted(saved)[2] >= READS - 100 - 10


def test_saved_reads_keep_their_state_and_go_out(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - PAGE)
        file.write(bytes(PAGE))
    with closing(opened(path, FakeClock())) as outbox:
        assert outbox.rebuilds == 1
        stats = outbox.stats()["charging"]
        assert (stats.watermark, stats.restarts) == (100, 1)
        assert stats.sent == 199
        assert 101 not in numbers(outbox, READS)
        assert 300 in numbers(outbox, READS)
        send(outbox, *range(300, 501))
        outbox.settle("charging", 500, [])
        assert min(kept(outbox)) == 501


def test_what_is_lost_with_the_file_is_counted(path: Path) -> None:
    filled(path)
    scribble(path, 3, 7)
    with closing(opened(path, FakeClock())) as outbox:
        stats = outbox.stats()["charging"]
        assert stats.dropped == {"broken": READS - 100 - len(kept(outbox))}
        assert stats.losses_to_report > 0


def test_a_log_cut_short_is_noticed_by_the_marks_and_lost_by_number(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with closing(opened(path, FakeClock(), max_bytes=512_000_000)) as outbox:
        for _ in range(30):
            keep(outbox, 1)
        for file in path.parent.glob("outbox.db*"):
            shutil.copy(file, copy)
    log = copy / "outbox.db-wal"
    os.truncate(log, log.stat().st_size * 2 // 3)
    (copy / "outbox.db-shm").unlink()
    with closing(opened(copy / path.name, FakeClock())) as outbox:
        assert 0 < len(kept(outbox)) < 30
        assert unaccounted(outbox, range(1, 31)) == []
        assert keep(outbox, 1) == [EPOCH_NUMBERS + 1]


def test_a_power_cut_while_saving_costs_nothing(path: Path) -> None:
    filled(path)
    scribble(path, 1, 3)
    aside.move_aside(path)
    with closing(opened(path, FakeClock())) as outbox:
        assert unaccounted(outbox, range(101, READS + 1)) == []
        assert len(kept(outbox)) > READS / 2
    assert aside.to_salvage(path) is None


def test_a_file_removed_under_the_process_is_moved_over(path: Path) -> None:
    with closing(opened(path, FakeClock())) as reader:
        keep(reader, 50)
        for file in path.parent.glob("outbox.db*"):
            file.unlink()
        assert keep(reader, 1) == [EPOCH_NUMBERS + 1]
        assert kept(reader) == {*range(1, 51), EPOCH_NUMBERS + 1}
        assert unaccounted(reader, range(1, 51)) == []
    with closing(opened(path, FakeClock())) as again:
        assert len(kept(again)) == 51


def test_the_uplink_lets_go_of_a_file_that_was_removed_and_meets_the_reads_again(path: Path) -> None:
    with closing(opened(path, FakeClock())) as reader:
        keep(reader, 20)
        with closing(opened(path, FakeClock())) as uplink:
            path.unlink()
            with pytest.raises(OutboxBroken, match="removed or replaced"):
                uplink.check()
        with closing(opened(path, FakeClock())) as uplink:
            assert numbers(uplink) == []
            keep(reader, 1)
            assert len(numbers(uplink)) == 21
            assert unaccounted(reader, range(1, 21)) == []


def test_reads_wait_while_the_folder_is_unmounted_and_are_moved_over_then(disk: Path) -> None:
    path = disk / "state" / "outbox.db"
    path.parent.mkdir()
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 20)
        path.parent.rename(disk / "away")
        for _ in range(2):
            with pytest.raises(OutboxError, match="no such directory"):
                keep(outbox, 1)
        assert outbox.stats()["charging"].waiting == 20
        path.parent.mkdir()
        keep(outbox, 1)
        assert len(kept(outbox)) == 21


def test_a_card_that_turns_read_only_refuses_and_is_taken_up_again_when_it_is_mended(tmp_path: Path) -> None:
    with failing_card(tmp_path / "card") as card:
        outbox = opened(card.folder / "outbox.db", FakeClock())
        with closing(outbox):
            keep(outbox, 20)
            card.fail()
            for _ in range(3):
                with pytest.raises(OutboxError) as failed:
                    keep(outbox, 1)
                assert not isinstance(failed.value, OutboxBroken)
            assert "mount" in failed.value.hint
            card.mend()
            assert keep(outbox, 1) == [21]
            assert kept(outbox) == set(range(1, 22))


def test_a_saved_read_is_not_kept_longer_than_its_feeds_retention(path: Path) -> None:
    clock = FakeClock()
    with closing(opened(path, clock)) as outbox:
        keep(outbox, 200)
        clock.advance(3600 * 20)
        keep(outbox, 1)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - PAGE)
        file.write(bytes(PAGE))
    with closing(opened(path, clock)) as outbox:
        assert outbox.rebuilds == 1
        assert kept(outbox)
        clock.advance(3600 * 5)
        outbox.due(1)
        assert len(kept(outbox)) <= 1


def test_what_was_moved_aside_holds_no_more_than_one_outbox(path: Path) -> None:
    for seed in range(3):
        filled(path) if seed == 0 else None
        path.write_bytes(random.Random(seed).randbytes(50_000))
        opened(path, FakeClock()).close()
    assert [file.name for file in aside.asides(path)] == ["outbox.db.corrupt-3"]


def test_a_database_is_not_written_where_another_lies_in_its_place(path: Path, tmp_path: Path) -> None:
    """An older copy put back under the running process: both copies' reads are kept."""
    older = tmp_path / "older.db"
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 10)
        with closing(sqlite3.connect(path)) as other, closing(sqlite3.connect(older)) as copy:
            other.backup(copy)
        keep(outbox, 10)
        older.replace(path)
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink()
        keep(outbox, 1)
        assert len(kept(outbox)) == 21
        assert unaccounted(outbox, range(1, 21)) == []


def test_a_disk_that_fails_to_write_refuses_and_takes_reads_again(path: Path) -> None:
    """A write beyond the process's limit is an I/O error to SQLite (SQLITE_IOERR_WRITE), not a full disk."""
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 20)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
            for _ in range(3):
                with pytest.raises(OutboxError, match=r"I/O error|File too large") as failed:
                    keep(outbox, 1)
                assert not isinstance(failed.value, OutboxBroken)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert keep(outbox, 1) == [21]
        assert kept(outbox) == set(range(1, 22))
        assert outbox.rebuilds == 0


def test_reads_between_two_broken_pages_are_found_without_the_indexes(path: Path) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as database:
        roots = database.execute("SELECT rootpage FROM sqlite_schema WHERE name LIKE 'reads_by_%'").fetchall()
    content = bytearray(path.read_bytes())
    leaves = [
        at
        for at in range(0, len(content), PAGE)
        if content[at] == TABLE_LEAF and b"charging 4" in content[at : at + PAGE]
    ]
    for at in [(root - 1) * PAGE for (root,) in roots] + [leaves[2], leaves[-3]]:
        content[at : at + PAGE] = bytes(PAGE)
    path.write_bytes(content)
    with closing(opened(path, FakeClock())) as outbox:
        assert READS - 100 - 20 < len(kept(outbox)) < READS - 100
        assert unaccounted(outbox, range(101, READS + 1)) == []


def test_the_newest_reads_are_saved_from_the_log_of_a_broken_file(path: Path, tmp_path: Path) -> None:
    filled(path)
    copy = tmp_path / "copy"
    copy.mkdir()
    with closing(opened(path, FakeClock(), max_bytes=512_000_000)) as outbox:
        newest = set(keep(outbox, 10))
        for file in path.parent.glob("outbox.db*"):
            shutil.copy(file, copy)
    (copy / "outbox.db-shm").unlink()
    content = bytearray((copy / path.name).read_bytes())
    leaves = [at for at in range(0, len(content), PAGE) if content[at] == TABLE_LEAF]
    content[leaves[20] : leaves[20] + PAGE] = bytes(PAGE)
    (copy / path.name).write_bytes(content)
    with closing(opened(copy / path.name, FakeClock())) as outbox:
        assert outbox.rebuilds == 1
        assert newest <= kept(outbox)
        assert unaccounted(outbox, range(101, READS + 11)) == []


def test_an_outbox_is_saved_as_far_as_the_disk_has_room_and_the_rest_is_lost_by_number(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "3m") as disk:
        path = disk / "outbox.db"
        filled(path, settled=0)
        for _ in range(6):
            with closing(opened(path, FakeClock())) as outbox:
                keep(outbox, 200)
        scribble(path, 1, 5)
        with closing(opened(path, FakeClock())) as outbox:
            assert outbox.rebuilds == 1
            assert 0 < len(kept(outbox)) < 2 * READS - 200
            assert unaccounted(outbox, range(101, 2 * READS + 1)) == []
            keep(outbox, 10)
