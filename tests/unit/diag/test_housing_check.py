"""The case's switch, the lamps' current and a restart that is due."""

from __future__ import annotations

import pytest

from anpr_edge.diag.checks.housing import CHECK
from anpr_edge.diag.condition import Finding, Verdict
from tests.unit.diag.bench import Bench


def lamps(bench: Bench, level: float | None, milliamperes: int | None, label: str = "") -> Finding:
    bench.say("reader", exposure={"lamp_level": level})
    if milliamperes is not None:
        bench.pi.write("sys/class/hwmon/hwmon2/name", "ina219")
        bench.pi.write("sys/class/hwmon/hwmon2/curr1_input", str(milliamperes))
    if label:
        bench.pi.write(f"sys/class/hwmon/hwmon2/{label}", "lamps")
    return bench.find(CHECK)["lamp-current"]


@pytest.mark.parametrize(
    ("level", "milliamperes", "verdict"),
    [
        (0.8, 640, Verdict.OK),
        (0.8, 3, Verdict.FAIL),
        (0.0, 3, Verdict.OK),
        (None, 3, Verdict.ABSENT),
        (0.8, None, Verdict.ABSENT),
    ],
)
def test_lamps(bench: Bench, level: float | None, milliamperes: int | None, verdict: Verdict) -> None:
    assert lamps(bench, level, milliamperes).verdict is verdict


@pytest.mark.parametrize("label", ["label", "in1_label"])
def test_of_two_sensors_the_one_labelled_lamps_counts(bench: Bench, label: str) -> None:
    bench.pi.write("sys/class/hwmon/hwmon3/name", "ina226")
    bench.pi.write("sys/class/hwmon/hwmon3/curr1_input", "900")
    assert lamps(bench, 0.8, 3).verdict is Verdict.ABSENT
    assert lamps(bench, 0.8, 3, label).verdict is Verdict.FAIL


@pytest.mark.parametrize(("alarm", "verdict"), [("0", Verdict.OK), ("1", Verdict.FAIL)])
def test_the_switch_in_the_case(bench: Bench, alarm: str, verdict: Verdict) -> None:
    assert bench.find(CHECK)["tamper"].verdict is Verdict.ABSENT
    bench.pi.write("sys/class/hwmon/hwmon0/intrusion0_alarm", alarm)
    assert bench.find(CHECK)["tamper"].verdict is verdict


def test_an_update_that_waits_for_a_restart(bench: Bench) -> None:
    assert bench.find(CHECK)["restart-due"].verdict is Verdict.OK
    bench.pi.write("run/reboot-required", "*** System restart required ***")
    assert bench.find(CHECK)["restart-due"].verdict is Verdict.WARN
