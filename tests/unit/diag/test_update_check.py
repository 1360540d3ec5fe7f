"""Doctor on slots and updates: what is wrong, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.diag.checks.update import CHECK, LONGEST_INSTALL_S
from anpr_edge.diag.condition import Finding, Verdict
from anpr_edge.update.record import RECORD_FILE, Phase, Record, Recorder
from tests.unit.diag.bench import Bench
from tests.unit.update.samples import Board


@pytest.fixture
def board(bench: Bench) -> Board:
    board = Board(bench.pi.root)
    board.describe()
    return board


def noted(bench: Bench, board: Board, phase: Phase) -> Finding:
    utc_ns = bench.clock.now().utc_ns
    record = Record(phase, "1.1.0", "1.0.0", "B").now(phase, utc_ns, "no frames")
    Recorder(board.layout.state_dir, bench.state_dir).write(record, utc_ns)
    return bench.find(CHECK)["update-state"]


def test_a_machine_without_slots_has_no_such_part(bench: Bench) -> None:
    assert bench.find(CHECK)["update-state"].verdict is Verdict.ABSENT


def test_a_unit_as_it_came_is_well(bench: Bench, board: Board) -> None:
    found = bench.find(CHECK)["update-state"]
    assert (found.verdict, found.measured) == (Verdict.OK, "version 1.0.0, slot A, no update yet")


@pytest.mark.parametrize(
    ("phase", "verdict"),
    [
        (Phase.COMMITTED, Verdict.OK),
        (Phase.TRYING, Verdict.OK),
        (Phase.INSTALLING, Verdict.OK),
        (Phase.INSTALLED, Verdict.WARN),
        (Phase.ROLLED_BACK, Verdict.WARN),
        (Phase.FAILED, Verdict.WARN),
    ],
)
def test_how_the_last_update_ended(bench: Bench, board: Board, phase: Phase, verdict: Verdict) -> None:
    found = noted(bench, board, phase)
    assert found.verdict is verdict
    assert f"1.1.0 {phase}" in found.measured
    assert "no frames" in found.measured


def test_an_order_that_was_refused_is_a_warning_and_no_more(bench: Bench, board: Board) -> None:
    assert noted(bench, board, Phase.COMMITTED).verdict is Verdict.OK
    utc_ns = bench.clock.now().utc_ns
    refused = Record(Phase.FAILED, "1.2.0", "1.1.0", "", number=7).now(Phase.FAILED, utc_ns, "another kind")
    Recorder(board.layout.state_dir, bench.state_dir).refuse(refused, utc_ns)
    found = bench.find(CHECK)["update-state"]
    assert found.verdict is Verdict.WARN
    assert "1.2.0 failed" in found.measured
    assert noted(bench, board, Phase.TRYING).verdict is Verdict.OK, "a trial is told first"


def test_an_installation_that_does_not_end(bench: Bench, board: Board) -> None:
    noted(bench, board, Phase.INSTALLING)
    bench.clock.advance(LONGEST_INSTALL_S + 1)
    found = bench.find(CHECK)["update-state"]
    assert (found.verdict, found.next) == (Verdict.WARN, "install it again")


def test_a_record_that_cannot_be_read(bench: Bench, board: Board) -> None:
    (board.layout.state_dir / RECORD_FILE).write_text("[]")
    found = bench.find(CHECK)["update-state"]
    assert (found.verdict, found.next) == (Verdict.WARN, "the next update writes it anew")


@pytest.mark.parametrize("content", [b"", b"[all]\nboot_partition=7\n[tryboot]\nboot_partition=3\n"])
def test_an_autoboot_file_that_names_no_slot(bench: Bench, board: Board, content: bytes) -> None:
    (board.layout.boot_dir / "autoboot.txt").write_bytes(content)
    found = bench.find(CHECK)["update-state"]
    assert found.verdict is Verdict.FAIL
    assert "commit --without-gate" in found.next


def test_a_layout_that_cannot_be_used(bench: Bench, board: Board) -> None:
    Path(bench.pi.root / "slots.toml").write_text("partitions = 1")
    assert bench.find(CHECK)["update-state"].verdict is Verdict.FAIL
