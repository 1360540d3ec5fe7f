"""A clock that lost its time, one that nobody disciplines, one that is set, and a good one."""

from __future__ import annotations

from typing import Any

import pytest

from anpr_edge.diag.checks.clock import CHECK, EARLIEST, ERROR_LIMIT_MS, STEPS_CHECK
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import Bench
from tests.unit.diag.fake_pi import CHRONY


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


@pytest.mark.parametrize(("error_ms", "verdict"), [(3.0, Verdict.WARN), (None, Verdict.FAIL)])
def test_no_source_is_worse_once_the_clock_is_not_good_any_more(
    bench: Bench, error_ms: float | None, verdict: Verdict
) -> None:
    bench.pi.answers["chronyc"] = CHRONY.replace("Normal", "Not synchronised")
    bench.clock.utc_error_ms = error_ms
    assert bench.find(CHECK)["clock-source"].verdict is verdict


def test_without_a_daemon_that_answers_the_source_is_not_known(bench: Bench) -> None:
    del bench.pi.answers["chronyc"]
    assert bench.find(CHECK)["clock-source"].verdict is Verdict.ABSENT


@pytest.mark.parametrize(("seconds", "verdict"), [("-0.099", Verdict.OK), ("0.101", Verdict.WARN)])
def test_the_offset_is_chronys(bench: Bench, seconds: str, verdict: Verdict) -> None:
    bench.pi.answers["chronyc"] = CHRONY.replace("0.000012", seconds)
    assert bench.find(CHECK)["clock-offset"].verdict is verdict


@pytest.mark.parametrize(
    ("offset_ms", "verdict"), [(-40.0, Verdict.OK), (-140.0, Verdict.WARN), (None, Verdict.ABSENT)]
)
def test_without_chrony_it_is_the_kernels(bench: Bench, offset_ms: float | None, verdict: Verdict) -> None:
    del bench.pi.answers["chronyc"]
    bench.pi.clock_offset_ms = offset_ms
    assert bench.find(CHECK)["clock-offset"].verdict is verdict


@pytest.mark.parametrize(
    ("clock", "verdict"),
    [
        ({"steps": 0, "last_step_s": None, "last_step_age_s": None}, Verdict.OK),
        ({"steps": 1, "last_step_s": -3600.0, "last_step_age_s": 90.0}, Verdict.WARN),
        ({"steps": 1, "last_step_s": -3600.0, "last_step_age_s": 3601.0}, Verdict.OK),
        ({}, Verdict.NOT_CHECKED),
    ],
)
def test_steps(bench: Bench, clock: dict[str, Any], verdict: Verdict) -> None:
    bench.say("reader", clock=clock)
    assert bench.find(STEPS_CHECK)["clock-steps"].verdict is verdict
