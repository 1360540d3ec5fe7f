"""A camera that was knocked is told once it has stood, with by how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anpr_edge.commissioning import FILE, keep_view
from anpr_edge.diag.checks.moved import CHECK
from anpr_edge.diag.condition import Finding, Verdict
from anpr_edge.vision.signature import Signature
from tests.unit.diag.bench import Bench
from tests.unit.diag.test_services_check import say

SAME = {
    "verdict": "same",
    "light": "night",
    "agreement": 0.72,
    "shift_x": 0.0,
    "shift_y": 0.0,
    "turn_deg": 0.0,
    "for_s": 3600,
}
MOVED = {**SAME, "verdict": "moved", "shift_x": 0.047, "shift_y": -0.02, "turn_deg": 2.5}


def find(bench: Bench, view: dict[str, Any] | None, *, captured: bool = True) -> Finding:
    if captured:
        keep_view(bench.state_dir, "night", Signature(np.ones((36, 64), np.uint8)).to_json(), 10**18)
    say(bench, "reader", view=view)
    return bench.find(CHECK)["camera-moved"]


def test_the_same_view_is_well(bench: Bench) -> None:
    finding = find(bench, SAME)
    assert (finding.verdict, finding.measured) == (Verdict.OK, "as captured (night): agreement 0.72")


def test_a_move_that_has_stood_fails_with_by_how_much(bench: Bench) -> None:
    finding = find(bench, {**MOVED, "for_s": 600})
    assert finding.verdict is Verdict.FAIL
    assert finding.measured == "moved by +4.7 % across, -2.0 % down, turned +2.5°; for 10 min"
    assert "anpr-edge aim" in finding.next


def test_a_move_just_seen_is_watched(bench: Bench) -> None:
    assert find(bench, {**MOVED, "for_s": 300}).verdict is Verdict.WARN


@pytest.mark.parametrize(("for_s", "verdict"), [(3600, Verdict.OK), (90_000, Verdict.WARN)])
def test_a_view_that_cannot_be_told_is_no_fault_before_a_day(
    bench: Bench, for_s: int, verdict: Verdict
) -> None:
    finding = find(bench, {**SAME, "verdict": "cannot tell", "agreement": 0.4, "for_s": for_s})
    assert finding.verdict is verdict
    assert "cannot tell" in finding.measured


@pytest.mark.parametrize("captured", [True, False])
def test_nothing_compared_is_said(bench: Bench, captured: bool) -> None:
    finding = find(bench, None, captured=captured)
    assert finding.verdict is Verdict.ABSENT
    assert ("not compared" if captured else "no commissioning view") in finding.measured


def test_a_broken_file_is_told(bench: Bench) -> None:
    (bench.state_dir / FILE).write_text("{")
    finding = find(bench, SAME, captured=False)
    assert finding.verdict is Verdict.FAIL
    assert "capture it again" in finding.next
