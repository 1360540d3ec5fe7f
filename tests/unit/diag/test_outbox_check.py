"""The outbox is looked at, never changed; a backlog shows before reads are lost to it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from anpr_edge.diag.checks.outbox import CHECK
from anpr_edge.diag.condition import Verdict
from anpr_edge.statefile import StateFile
from tests.unit.diag.bench import Bench


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_whole_outbox_is_left_as_it_is(bench: Bench) -> None:
    bench.make_outbox()
    before = files(bench.state_dir)
    assert bench.find(CHECK)["outbox"].verdict is Verdict.OK
    after = files(bench.state_dir)
    assert {name: after[name] for name in before} == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look at an outbox that is another user's")
def test_what_sqlite_leaves_beside_it_belongs_to_the_services(bench: Bench) -> None:
    path = bench.make_outbox()
    os.chown(path, 12345, 12346)
    path.chmod(0o660)
    bench.find(CHECK)
    beside = [state for name in ("-wal", "-shm") if (state := stat_of(path, name))]
    assert {(state.st_uid, state.st_gid, state.st_mode & 0o777) for state in beside} <= {
        (12345, 12346, 0o660)
    }


def stat_of(path: Path, suffix: str) -> os.stat_result | None:
    file = path.with_name(path.name + suffix)
    return file.stat() if file.exists() else None


def test_no_outbox_yet_is_not_called_ok_and_none_is_made(bench: Bench) -> None:
    assert bench.find(CHECK)["outbox"].verdict is Verdict.NOT_CHECKED
    assert files(bench.state_dir) == {}


def test_a_damaged_outbox(bench: Bench) -> None:
    path = bench.make_outbox()
    content = bytearray(path.read_bytes())
    content[4096:8192] = bytes(range(256)) * 16
    path.write_bytes(content)
    finding = bench.find(CHECK)["outbox"]
    assert finding.verdict is Verdict.FAIL
    assert "restart both services" in finding.next


def test_an_outbox_that_was_begun_anew_is_not_forgotten(bench: Bench) -> None:
    (bench.state_dir / "outbox.db").write_bytes(b"not a database " * 500)
    bench.make_outbox()
    finding = bench.find(CHECK)["outbox"]
    assert finding.verdict is Verdict.WARN
    assert "outbox.db.corrupt-1" in finding.measured
    (bench.state_dir / "outbox.db.corrupt-1").unlink()
    assert bench.find(CHECK)["outbox"].verdict is Verdict.OK


@pytest.mark.parametrize(("lost", "verdict"), [(0, Verdict.OK), (2, Verdict.WARN)])
def test_numbers_that_could_not_be_noted(bench: Bench, lost: int, verdict: Verdict) -> None:
    bench.make_outbox()
    StateFile(bench.run_dir / "reader.json").write({"schema": 1, "lost_marks": lost})
    assert bench.find(CHECK)["outbox"].verdict is verdict


def test_a_damaged_state_of_the_reader_is_not_the_outboxs_fault(bench: Bench) -> None:
    bench.make_outbox()
    (bench.run_dir / "reader.json").write_text("{")
    assert bench.find(CHECK)["outbox"].verdict is Verdict.OK


@pytest.mark.parametrize("content", [b"something else" * 400, None])
def test_another_programs_file(bench: Bench, content: bytes | None) -> None:
    path = bench.state_dir / "outbox.db"
    if content is None:
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE theirs (x)")
        database.close()
    else:
        path.write_bytes(content)
    assert bench.find(CHECK)["outbox"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("oldest_h", "verdict"), [(None, Verdict.OK), (35.0, Verdict.OK), (37.0, Verdict.WARN)]
)
def test_reads_that_wait_for_half_their_retention(
    bench: Bench, oldest_h: float | None, verdict: Verdict
) -> None:
    bench.make_outbox()
    oldest_s = None if oldest_h is None else oldest_h * 3600
    feed = {"waiting": 12, "sent": 3, "oldest_age_s": oldest_s}
    StateFile(bench.run_dir / "uplink.json").write({"schema": 1, "outbox": {"access": feed}})
    finding = bench.find(CHECK)["outbox-backlog"]
    assert finding.verdict is verdict
    assert "access 12 waiting, 3 sent" in finding.measured


def feed_with(**more: object) -> dict[str, object]:
    return {"waiting": 1, "sent": 0, "oldest_age_s": 1.0, "dropped": {"full": 9}, "losses": [], **more}


@pytest.mark.parametrize(("unconfirmed", "verdict"), [(0, Verdict.OK), (2, Verdict.WARN)])
def test_losses_that_the_centre_does_not_know_of(bench: Bench, unconfirmed: int, verdict: Verdict) -> None:
    bench.make_outbox()
    lost = [{"first": 4, "last": 12, "cause": "disk-full"}]
    feed = feed_with(losses=lost, losses_unconfirmed=unconfirmed)
    StateFile(bench.run_dir / "uplink.json").write({"schema": 1, "outbox": {"access": feed}})
    finding = bench.find(CHECK)["outbox-losses"]
    assert finding.verdict is verdict
    assert ("4 to 12 (disk-full)" in finding.measured) == bool(unconfirmed)


def test_a_file_that_was_there_and_is_gone(bench: Bench) -> None:
    path = bench.make_outbox()
    path.with_name("outbox.db.marks").write_text("00000000000000000007 access\n")
    path.unlink()
    finding = bench.find(CHECK)["outbox"]
    assert finding.verdict is Verdict.FAIL
    assert "mounted" in finding.next


@pytest.mark.parametrize(("version", "verdict"), [(1, Verdict.OK), (99, Verdict.FAIL)])
def test_an_older_schema_is_brought_up_to_date_and_a_later_one_is_not_ours(
    bench: Bench, version: int, verdict: Verdict
) -> None:
    path = bench.make_outbox()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    assert bench.find(CHECK)["outbox"].verdict is verdict
