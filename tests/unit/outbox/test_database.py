"""What happens when the file or the disk under it is not as it should be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.errors import OutboxBroken, OutboxError
from anpr_edge.outbox import database
from anpr_edge.records import EPOCH_NUMBERS
from tests.fakes import FakeClock
from tests.unit.outbox.disks import fill_up, small_disk
from tests.unit.outbox.samples import keep, numbers, opened, send


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "1m") as disk:
        yield disk


def test_both_services_can_write_the_files(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 1)
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes) == {
        f"outbox.db{end}" for end in ("", "-wal", "-shm", ".lock", ".marks", ".setup", ".reserve")
    }
    assert {name: mode for name, mode in modes.items() if mode & 0o666 != 0o660} == {}


def test_every_commit_reaches_the_disk(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        assert outbox._db.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert outbox._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_what_the_other_service_wrote_into_the_schema_is_not_trusted(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        assert outbox._db.execute("PRAGMA trusted_schema").fetchone()[0] == 0


def test_a_missing_directory_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="no such directory") as failed:
        opened(tmp_path / "nowhere" / "outbox.db", FakeClock())
    assert "mkdir" in failed.value.hint


def test_a_directory_in_its_place_says_so(path: Path) -> None:
    path.mkdir()
    with pytest.raises(OutboxError, match="Is a directory"):
        opened(path, FakeClock())


def test_a_read_only_disk_says_so(tiny_disk: Path) -> None:
    with closing(opened(tiny_disk / "outbox.db", FakeClock())) as outbox:
        keep(outbox, 1)
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    with pytest.raises(OutboxError, match="Read-only file system") as failed:
        opened(tiny_disk / "outbox.db", FakeClock())
    assert "mount" in failed.value.hint


def test_an_outbox_cannot_begin_on_a_full_disk(tiny_disk: Path) -> None:
    fill_up(tiny_disk)
    with pytest.raises(OutboxError, match="full") as failed:
        opened(tiny_disk / "outbox.db", FakeClock())
    assert "free" in failed.value.hint
    (tiny_disk / "ballast").unlink()
    with closing(opened(tiny_disk / "outbox.db", FakeClock())) as outbox:
        assert keep(outbox, 1) == [1]


def test_a_file_that_is_no_database_is_moved_aside(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 500)
    with closing(opened(path, FakeClock())) as outbox:
        assert keep(outbox, 1) == [1]
        assert outbox.rebuilds == 1
    assert path.with_name("outbox.db.corrupt-1").read_bytes().startswith(b"not a database")


def test_a_broken_outbox_begins_anew_above_its_mark(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 300)
    broken = bytearray(path.read_bytes())
    broken[4096 : 4096 * 8] = os.urandom(4096 * 7)
    path.write_bytes(broken)
    with closing(opened(path, FakeClock())) as outbox:
        assert keep(outbox, 1) == [EPOCH_NUMBERS + 1]
        stats = outbox.stats()["charging"]
        assert (stats.restarts, outbox.rebuilds) == (1, 1)


def test_only_the_newest_broken_outbox_is_kept(path: Path) -> None:
    for time in range(1, 4):
        path.write_bytes(b"not a database" * 500)
        with closing(opened(path, FakeClock())) as outbox:
            assert outbox.rebuilds == time
    assert [file.name for file in path.parent.glob("*.corrupt-*")] == ["outbox.db.corrupt-3"]


def test_a_broken_outbox_in_use_is_left_alone(path: Path) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 1)
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(b"not a database" * 500)
        with pytest.raises(OutboxError, match="in use by another process"):
            opened(path, FakeClock())
    assert not list(path.parent.glob("*.corrupt-*"))


def damage(path: Path) -> None:
    """Overwrite the pages of a database that others have open, and make them read it again."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE age SET mono_ns = mono_ns + 1")
        other.commit()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def test_an_outbox_that_breaks_while_both_services_run_begins_anew_once_both_let_go(path: Path) -> None:
    with closing(opened(path, FakeClock())) as reader:
        keep(reader, 300)
        with closing(opened(path, FakeClock())) as uplink:
            damage(path)
            with pytest.raises(OutboxBroken, match="malformed"):
                keep(reader, 1)
            for told in (uplink.check, lambda: uplink.due(1), lambda: send(uplink, 1)):
                with pytest.raises(OutboxBroken):
                    told()
            with pytest.raises(OutboxBroken, match="in use by another process"):
                keep(reader, 1)
        assert keep(reader, 1) == [EPOCH_NUMBERS + 1]
        assert reader.rebuilds == 1
        with closing(opened(path, FakeClock())) as uplink:
            assert numbers(uplink) == [EPOCH_NUMBERS + 1]


def test_whichever_service_comes_first_begins_a_broken_outbox_anew(path: Path) -> None:
    with closing(opened(path, FakeClock())) as reader:
        keep(reader, 300)
        with closing(opened(path, FakeClock())) as uplink:
            damage(path)
            with pytest.raises(OutboxBroken):
                uplink.due(1)
            with pytest.raises(OutboxBroken):
                keep(reader, 1)
        with closing(opened(path, FakeClock())) as uplink:
            assert keep(reader, 1) == [EPOCH_NUMBERS + 1]
            assert (numbers(uplink), uplink.rebuilds) == ([EPOCH_NUMBERS + 1], 1)


def test_an_empty_file_becomes_an_outbox(path: Path) -> None:
    path.touch()
    with closing(opened(path, FakeClock())) as outbox:
        assert keep(outbox, 1) == [1]
        assert outbox.rebuilds == 0


def test_a_database_of_other_software_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(OutboxError, match="other software"):
        opened(path, FakeClock())
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    assert len(path.read_bytes()) == len(before)


@pytest.mark.parametrize("version", [0, 3])
def test_another_schema_version_is_refused_and_left_alone(path: Path, version: int) -> None:
    with closing(opened(path, FakeClock())) as outbox:
        keep(outbox, 2)
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(OutboxError, match=f"schema version {version}, this software knows 1 to 2"):
        opened(path, FakeClock())
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM reads").fetchone() == (2,)


def test_a_neighbour_that_never_lets_go_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    with closing(opened(path, FakeClock())) as outbox, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutboxError, match="locked") as failed:
            keep(outbox, 1)
        assert "another process" in failed.value.hint
        other.rollback()
        assert keep(outbox, 1) == [1]


def test_a_closed_outbox_says_so(path: Path) -> None:
    outbox = opened(path, FakeClock())
    outbox.close()
    outbox.close()
    with pytest.raises(OutboxError, match="closed"):
        keep(outbox, 1)
