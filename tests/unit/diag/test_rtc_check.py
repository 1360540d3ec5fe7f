"""A battery-backed clock that keeps the time, one that lost it, and none. Lies: tests/recorded/rtc.log."""

from __future__ import annotations

import pytest

from anpr_edge.diag.checks.rtc import CHECK, OFF_LIMIT_S
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import Bench


def test_a_board_without_one(bench: Bench) -> None:
    assert bench.find(CHECK)["rtc"].verdict is Verdict.ABSENT


@pytest.mark.parametrize(
    ("off_s", "verdict"),
    [
        (0, Verdict.OK),
        (-OFF_LIMIT_S + 2, Verdict.OK),
        (OFF_LIMIT_S + 2, Verdict.WARN),
        (-OFF_LIMIT_S - 2, Verdict.WARN),
    ],
)
def test_against_the_clock(bench: Bench, off_s: float, verdict: Verdict) -> None:
    told_s = bench.clock.now().utc_ns // 10**9 + off_s
    bench.pi.write("sys/class/rtc/rtc0/since_epoch", f"{told_s:.0f}")
    assert bench.find(CHECK)["rtc"].verdict is verdict


def test_one_whose_battery_is_empty_is_said_to_have_lost_its_time(bench: Bench) -> None:
    bench.pi.write("sys/class/rtc/rtc0/since_epoch", "12")
    found = bench.find(CHECK)["rtc"]
    assert found.measured == "rtc0 has lost its time: 1970-01-01T00:00:12+00:00"
    assert "battery" in found.next
