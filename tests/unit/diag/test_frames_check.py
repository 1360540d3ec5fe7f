"""What the reader says of its frames becomes one finding for each fault."""

from __future__ import annotations

from typing import Any

import pytest

from anpr_edge.diag.checks.frames import CHECK, FAULTS
from anpr_edge.diag.condition import Finding, Verdict
from anpr_edge.statefile import StateFile
from anpr_edge.vision import frame_faults
from tests.unit.diag.bench import Bench


def findings(bench: Bench, frames: dict[str, Any]) -> dict[str, Finding]:
    StateFile(bench.run_dir / "reader.json").write({"schema": 1, "process": "reader", "frames": frames})
    return bench.find(CHECK)


def test_every_fault_of_a_frame_has_a_condition() -> None:
    assert tuple(FAULTS) == frame_faults.FAULTS


def test_good_frames_are_ok(bench: Bench) -> None:
    found = findings(bench, {"faults": {}})
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}
    assert len(found) == len(FAULTS)


@pytest.mark.parametrize("fault", frame_faults.FAULTS)
@pytest.mark.parametrize(
    ("for_s", "verdict"),
    [(None, Verdict.OK), (0.5, Verdict.WARN), (3.0, Verdict.FAIL), (600.0, Verdict.FAIL)],
)
def test_a_fault_that_stands_fails_its_own_condition_alone(
    bench: Bench, fault: str, for_s: float | None, verdict: Verdict
) -> None:
    found = findings(bench, {"faults": {fault: {"count": 40, "for_s": for_s}}})
    assert found[f"frames-{fault}"].verdict == verdict
    assert "40 frames" in found[f"frames-{fault}"].measured
    others = [one.verdict for code, one in found.items() if code != f"frames-{fault}"]
    assert set(others) == {Verdict.OK}


def test_a_reader_that_says_nothing_of_it_is_not_shown_as_ok(bench: Bench) -> None:
    assert {one.verdict for one in findings(bench, {}).values()} == {Verdict.NOT_CHECKED}
    (bench.run_dir / "reader.json").write_text("{", encoding="utf-8")
    assert {one.verdict for one in bench.find(CHECK).values()} == {Verdict.NOT_CHECKED}
