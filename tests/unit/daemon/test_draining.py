"""A drain ends when the centre has confirmed what was kept, or when its time is up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from anpr_edge.daemon.draining import Draining
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Delivery, SealedRead
from anpr_edge.seal.commands import Command
from tests.fakes import FakeClock

DRAIN = Command("demo", (), (), 1, bytes(16), 1, 2, "drain")


class Bench:
    """An outbox with reads 1 to 3, of which 1 is sent and 2 was refused."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.outbox = SqliteOutbox(
            folder / "outbox.db",
            self.clock,
            max_bytes=1_000_000,
            retention={"charging": timedelta(days=1)},
            start=lambda: 1,
        )
        self.draining = Draining(self.outbox, self.clock)
        for _ in range(3):
            self.keep()
        self.outbox.record([Delivery("charging", 1, 0)])
        self.outbox.record([Delivery("charging", 2, 0x97)])

    def keep(self) -> None:
        self.outbox.append([("charging", lambda seq, _: SealedRead("charging", seq, b"sealed"))])

    def said(self) -> list[tuple[str, object]]:
        """How the drain has ended, and how much was left; nothing while it has not."""
        self.clock.advance(1)
        return [(answer.outcome, answer.details["left"]) for _, _, answer in self.draining.ended()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_everything_kept_is_due_at_once(bench: Bench) -> None:
    assert [entry.read.seq for entry in bench.outbox.due(10)] == [3]
    answer = bench.draining.begin(DRAIN, b"c", 60)
    assert (answer.outcome, answer.details) == ("accepted", {"kept": 3})
    assert sorted(entry.read.seq for entry in bench.outbox.due(10)) == [1, 2, 3]


def test_sent_is_not_drained_confirmed_is(bench: Bench) -> None:
    bench.draining.begin(DRAIN, b"c", 60)
    bench.outbox.record([Delivery("charging", seq, 0) for seq in (1, 2, 3)])
    assert bench.said() == []
    bench.outbox.settle("charging", 3, ())
    assert bench.said() == [("done", 0)]
    assert bench.said() == []


def test_reads_that_come_later_do_not_count(bench: Bench) -> None:
    bench.draining.begin(DRAIN, b"c", 60)
    bench.keep()
    bench.outbox.record([Delivery("charging", seq, 0) for seq in (1, 2, 3)])
    bench.outbox.settle("charging", 3, ())
    assert bench.said() == [("done", 0)]


def test_when_time_is_up_it_says_what_is_left(bench: Bench) -> None:
    bench.draining.begin(DRAIN, b"c", 5)
    bench.outbox.settle("charging", 1, ())
    bench.clock.advance(5)
    assert bench.said() == [("failed", 2)]


def test_an_empty_outbox_is_drained_already(bench: Bench) -> None:
    bench.outbox.record([Delivery("charging", seq, 0) for seq in (2, 3)])
    bench.outbox.settle("charging", 3, ())
    assert bench.draining.begin(DRAIN, b"c", 5).outcome == "done"
