"""Voltage, temperature and what the firmware makes of them, from a Pi's own words."""

from __future__ import annotations

import pytest

from anpr_edge.diag.checks.board import CHECK
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import Bench


@pytest.mark.parametrize(
    ("flags", "power", "throttling"),
    [
        ("0x0", Verdict.OK, Verdict.OK),
        ("0x1", Verdict.FAIL, Verdict.OK),
        ("0x50005", Verdict.FAIL, Verdict.WARN),
        ("0x50000", Verdict.WARN, Verdict.OK),
        ("0x2", Verdict.OK, Verdict.WARN),
        ("0x80008", Verdict.OK, Verdict.WARN),
        ("0xe0000", Verdict.OK, Verdict.OK),
    ],
)
def test_the_firmwares_flags(bench: Bench, flags: str, power: Verdict, throttling: Verdict) -> None:
    bench.pi.answers["vcgencmd"] = f"throttled={flags}\n"
    found = bench.find(CHECK)
    assert (found["power"].verdict, found["throttling"].verdict) == (power, throttling)


def test_flags_in_sysfs_come_before_the_command(bench: Bench) -> None:
    bench.pi.write("sys/devices/platform/soc/soc:firmware/get_throttled", "1")
    assert bench.find(CHECK)["power"].verdict is Verdict.FAIL


@pytest.mark.parametrize(("alarm", "verdict"), [("1", Verdict.FAIL), ("0", Verdict.OK)])
def test_the_kernels_voltage_alarm_without_a_firmware_command(
    bench: Bench, alarm: str, verdict: Verdict
) -> None:
    del bench.pi.answers["vcgencmd"]
    bench.pi.write("sys/class/hwmon/hwmon1/name", "rpi_volt")
    bench.pi.write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    found = bench.find(CHECK)
    assert found["power"].verdict is verdict
    assert found["throttling"].verdict is Verdict.ABSENT


@pytest.mark.parametrize(
    ("millidegrees", "verdict"),
    [("79900", Verdict.OK), ("80000", Verdict.WARN), ("84900", Verdict.WARN), ("85000", Verdict.FAIL)],
)
def test_temperature(bench: Bench, millidegrees: str, verdict: Verdict) -> None:
    bench.pi.write("sys/class/thermal/thermal_zone0/temp", millidegrees)
    assert bench.find(CHECK)["temperature"].verdict is verdict


def test_another_board_is_neither_well_nor_ill(bench: Bench) -> None:
    bench.pi.answers["vcgencmd"] = "VCHI initialization failed\n"
    bench.pi.write("sys/class/thermal/thermal_zone0/type", "acpitz")
    assert {one.verdict for one in bench.find(CHECK).values()} == {Verdict.ABSENT}
