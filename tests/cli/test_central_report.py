"""What `anpr-central subscribe` tells people: every refusal by name, every trouble counted, no plate."""

from __future__ import annotations

import pytest

from anpr_edge.central.intake import Intake
from anpr_edge.central.opener import Opener
from anpr_edge.cli.central_report import Reporter
from anpr_edge.records import LinkState
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.central_fakes import MemoryStore
from tests.fakes import FakeClock
from tests.sealed_reads import PLATE, SealingUnit

KEY = RecipientPrivateKey.generate()


class Desk:
    """A reporter beside an intake, fed with blobs."""

    def __init__(self, *, show_plates: bool = False) -> None:
        self.unit = SealingUnit(KEY.public)
        self.intake = Intake(Opener(self.unit.units, KEY), MemoryStore(), FakeClock())
        self.reporter = Reporter(jsonl=False, show_plates=show_plates)

    def feed(self, *blobs: bytes) -> int:
        return self.reporter.show(self.intake.take([(self.unit.topic, blob) for blob in blobs]))


def test_a_line_tells_what_was_read_without_the_plate(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk()
    assert desk.feed(*desk.unit.seal()) == 1
    line = capsys.readouterr().out
    assert line.split() == [
        *("2026-09-21T14:13:20.000Z", "unit-0001", "access#1", "TE•••"),
        *("0.970", "5", "frames", "0.0", "s"),
    ]


def test_plates_are_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(show_plates=True)
    desk.feed(*desk.unit.seal())
    assert PLATE in capsys.readouterr().out


def test_the_summary_counts_everything(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk()
    first, second, _lost, fourth = desk.unit.seal(4)
    desk.feed(first, second, second, fourth, b"junk", b"junk")
    desk.unit.forget_chain()
    desk.feed(*desk.unit.seal())
    desk.unit.restart_at(1)
    desk.feed(*desk.unit.seal())
    desk.unit.restart_at(1_000_000)
    desk.feed(*desk.unit.seal())
    desk.reporter.summarise(desk.intake)
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == (
        "5 reads, 1 repeat, 1 number conflict, 2 refused (malformed), "
        "1 missing, 1 chain break, 1 restarted chain"
    )


def test_refusals_and_broken_chains_are_told_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk()
    desk.feed(*desk.unit.seal(), b"junk")
    desk.unit.forget_chain()
    desk.feed(*desk.unit.seal())
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("refused: malformed: ")
    assert said[1].startswith("testfleet/unit-0001/access#2: the chain does not hold")


def test_the_link_is_told_once_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Desk().reporter
    down, up = LinkState(False, "nothing listens there"), LinkState(True, "connected")
    assert reporter.show([down, down, up, up, down]) == 0
    assert capsys.readouterr().err.splitlines() == [down.detail, up.detail, down.detail]
