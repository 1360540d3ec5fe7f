"""A disk that something else has filled: delivered reads go first, then the oldest, and none unreported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.errors import OutboxFull
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import LossCause
from tests.fakes import FakeClock
from tests.unit.outbox.disks import fill_up, small_disk
from tests.unit.outbox.samples import keep, numbers, opened, sealing, send


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "2m") as made:
        yield made


def whole(outbox: SqliteOutbox, last: int) -> bool:
    """Whether every number up to `last` is here or in a range of losses."""
    here = set(numbers(outbox, 100_000))
    rows = outbox._db.execute("SELECT first, last FROM losses").fetchall()
    gone = {seq for first, final in rows for seq in range(first, final + 1)}
    return here | gone == set(range(1, last + 1)) and not here & gone


def test_reads_go_on_while_the_disk_is_full_and_every_number_is_kept_or_lost_by_name(disk: Path) -> None:
    with closing(opened(disk / "outbox.db", FakeClock())) as outbox:
        keep(outbox, 300)
        fill_up(disk)
        last = [keep(outbox, 10)[-1] for _ in range(200)][-1]
        assert last == 2300
        stats = outbox.stats()["charging"]
        assert set(stats.dropped) == {"disk-full"}
        assert stats.dropped["disk-full"] + stats.waiting == last
        assert max(numbers(outbox, 100_000)) == last
        assert whole(outbox, last)
        assert outbox._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def is_refused(outbox: SqliteOutbox) -> bool:
    """Whether ten more reads find no room."""
    try:
        outbox.append([sealing("charging")] * 10, patient=True)
    except OutboxFull:
        return True
    return False


def test_the_patient_are_refused_and_cost_nobody_anything(disk: Path) -> None:
    with closing(opened(disk / "outbox.db", FakeClock())) as outbox:
        kept = len(keep(outbox, 300))
        fill_up(disk)
        while not is_refused(outbox):
            kept += 10
        assert outbox.stats()["charging"].dropped == {}
        assert sorted(numbers(outbox, 100_000)) == list(range(1, kept + 1))


def test_delivered_reads_go_first(disk: Path) -> None:
    with closing(opened(disk / "outbox.db", FakeClock())) as outbox:
        keep(outbox, 400)
        send(outbox, *range(201, 401))
        fill_up(disk)
        while "disk-full" not in outbox.stats()["charging"].dropped:
            keep(outbox, 10)
        gone = outbox.stats()["charging"].losses
        assert {loss.cause for loss in gone} == {LossCause.DISK_FULL}
        assert min(loss.first for loss in gone) == 201


def test_a_watermark_is_taken_on_a_full_disk(disk: Path) -> None:
    with closing(opened(disk / "outbox.db", FakeClock())) as reader:
        keep(reader, 600)
        send(reader, *range(1, 501))
        with closing(opened(disk / "outbox.db", FakeClock())) as uplink:
            fill_up(disk)
            uplink.settle("charging", 500, [])
            send(uplink, 501)
            assert sorted(numbers(uplink, 1000)) == list(range(502, 601))


def test_the_limit_is_the_configured_one_again_once_the_disk_has_room(disk: Path) -> None:
    clock = FakeClock()
    with closing(opened(disk / "outbox.db", clock)) as outbox:
        keep(outbox, 300)
        ballast = fill_up(disk)
        for _ in range(50):
            keep(outbox, 10)
        ballast.unlink()
        clock.advance(61)
        before = outbox.stats()["charging"].dropped["disk-full"]
        for _ in range(50):
            keep(outbox, 10)
        assert outbox.stats()["charging"].dropped["disk-full"] == before
        assert (disk / "outbox.db.reserve").exists()


def test_a_disk_with_no_room_at_all_refuses_and_costs_one_step_at_most(disk: Path) -> None:
    with closing(opened(disk / "outbox.db", FakeClock())) as outbox:
        keep(outbox, 300)
        (disk / "outbox.db.reserve").unlink()
        outbox._room.shorten_log()
        ballast = fill_up(disk)
        for _ in range(5):
            with pytest.raises(OutboxFull) as failed:
                keep(outbox, 10)
        assert "free some space" in failed.value.hint
        assert sorted(numbers(outbox, 1000)) == list(range(1, 301))
        ballast.unlink()
        assert keep(outbox, 1) == [301]
