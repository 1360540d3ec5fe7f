"""A clock that lost its time, one that nobody disciplines, and a good one."""

from __future__ import annotations

import pytest

from anpr_edge.diag.checks.clock import CHECK, EARLIEST, ERROR_LIMIT_MS
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import Bench


@pytest.mark.parametrize(
    ("error_ms", "verdict"),
    [
        (0.4, Verdict.OK),
        (ERROR_LIMIT_MS, Verdict.OK),
        (ERROR_LIMIT_MS + 1, Verdict.FAIL),
        (None, Verdict.FAIL),
    ],
)
def test_synchronisation(bench: Bench, error_ms: float | None, verdict: Verdict) -> None:
    bench.clock.utc_error_ms = error_ms
    findings = bench.find(CHECK)
    assert findings["clock-date"].verdict is Verdict.OK
    assert findings["clock-sync"].verdict is verdict


def test_a_unit_that_woke_up_in_1970(bench: Bench) -> None:
    bench.clock.step_utc(-bench.clock.now().utc_ns / 1e9 + 60)
    finding = bench.find(CHECK)["clock-date"]
    assert finding.verdict is Verdict.FAIL
    assert finding.measured.startswith("1970-01-01")
    assert str(EARLIEST.year) in finding.limit
