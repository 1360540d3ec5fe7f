"""The board's own watchdog: armed, not armed, and one that had to act. Lies: tests/recorded/watchdog.log."""

from __future__ import annotations

import pytest

from anpr_edge.diag.checks.hangs import CARD_RESET, CHECK, TOLD_S
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import Bench

FOLDER = "sys/class/watchdog/watchdog0"


def test_a_board_without_one(bench: Bench) -> None:
    assert bench.find(CHECK)["board-watchdog"].verdict is Verdict.ABSENT


@pytest.mark.parametrize(("state", "verdict"), [("active", Verdict.OK), ("inactive", Verdict.WARN)])
def test_armed_or_not(bench: Bench, state: str, verdict: Verdict) -> None:
    bench.pi.write(f"{FOLDER}/state", state)
    found = bench.find(CHECK)["board-watchdog"]
    assert found.verdict is verdict
    assert verdict is Verdict.OK or "RuntimeWatchdogSec" in found.next


@pytest.mark.parametrize(("up_s", "verdict"), [(600.0, Verdict.WARN), (TOLD_S + 1, Verdict.OK)])
def test_that_it_had_to_act_is_told_for_a_day(bench: Bench, up_s: float, verdict: Verdict) -> None:
    bench.pi.write(f"{FOLDER}/state", "active")
    bench.pi.write(f"{FOLDER}/bootstatus", str(CARD_RESET))
    bench.clock.advance(up_s)
    assert bench.find(CHECK)["board-watchdog"].verdict is verdict
