"""Has the board power enough, and is it cool enough, to run at full speed?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anpr_edge.devices.board import Throttling, soc_temperature_c, soc_zone, throttling
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, not_checked, ok, warn
from anpr_edge.diag.machine import Machine, read_number, read_text
from anpr_edge.diag.subject import Subject

WARM_C, HOT_C = 80.0, 85.0
"""From 80 °C the firmware slows the processor, at 85 °C as far as it can.
Source: Raspberry Pi documentation, "Frequency management and thermal control"."""

POWER = Condition(
    code="power",
    title="The board's supply holds its voltage",
    severity=Severity.READS,
    explanation=(
        "Below 4.63 V the firmware slows the processor; further down the camera and the disk fail without a "
        "word. A supply too weak for board and lamps together does that, or a long thin cable. Most of what "
        "looks like a bad card or a bad camera is this."
    ),
    next_step="measure 5 V at the board with the lamps at full; a stronger supply or a thicker cable",
)
TEMPERATURE = Condition(
    code="temperature",
    title="The processor stays below the temperature at which it is slowed",
    severity=Severity.READS,
    explanation=(
        "In a closed case in the sun a processor reaches 80 °C; from there on the firmware slows it, and "
        "fewer frames are searched."
    ),
    next_step="see that the case's vents and fan are free, the heat sink sits tight, and there is shade",
)
THROTTLING = Condition(
    code="throttling",
    title="The processor runs at full speed",
    severity=Severity.READS,
    explanation=(
        "The firmware says when it holds the processor back. With voltage and temperature right, it is a "
        "limit that somebody has set."
    ),
    depends_on=("power", "temperature"),
    next_step="look for arm_freq, temp_limit and temp_soft_limit in config.txt",
)

NO_FIRMWARE = "this board's firmware does not tell"
GARBLED = "the firmware's answer is not understood"
ALARM = "in0_lcrit_alarm"
ASK_AGAIN = "vcgencmd get_throttled: throttled=0x0 is what it says of a board that is well"


def run(subject: Subject) -> Iterator[Finding]:
    """The voltage, the temperature, then what the firmware makes of them."""
    machine = subject.machine
    answer = machine.ask(["vcgencmd", "get_throttled"]) or ""
    limits = throttling(machine.sys, command=None) or Throttling.of_answer(answer)
    garbled = limits is None and answer.startswith(("throttled", "error="))
    yield _power(machine, limits, garbled=garbled)
    yield _temperature(machine)
    yield not_checked(THROTTLING, GARBLED, next_step=ASK_AGAIN) if garbled else _throttling(limits)


def _power(machine: Machine, limits: Throttling | None, *, garbled: bool) -> Finding:
    chip = _voltage_chip(machine)
    alarm = read_number(chip / ALARM) if chip else None
    if limits is None and alarm is None:
        if chip is not None:
            return not_checked(
                POWER, "the kernel's alarm says neither", next_step=f"cat {chip / ALARM}; dmesg"
            )
        if garbled:
            return not_checked(POWER, GARBLED, next_step=ASK_AGAIN)
        return absent(POWER, NO_FIRMWARE)
    if alarm or (limits and limits.under_voltage):
        return fail(POWER, "under-voltage now", limit="4.63 V")
    if limits and limits.under_voltage_since_boot:
        return warn(POWER, "under-voltage since the board was switched on, not now", limit="4.63 V")
    return ok(POWER, "no under-voltage", "4.63 V")


def _voltage_chip(machine: Machine) -> Path | None:
    """Where the kernel keeps its own alarm. Source: Linux drivers/hwmon/raspberrypi-hwmon.c."""
    chips = machine.sys.glob("class/hwmon/hwmon*")
    return next((chip for chip in chips if read_text(chip / "name") == "rpi_volt"), None)


def _temperature(machine: Machine) -> Finding:
    celsius, zone = soc_temperature_c(machine.sys), soc_zone(machine.sys)
    if celsius is None and zone is not None:
        step = f"cat {zone}/temp a few times; dmesg says more when the sensor has failed"
        return not_checked(TEMPERATURE, "the processor's sensor says no temperature", next_step=step)
    if celsius is None:
        return absent(TEMPERATURE, "this board has no sensor at its processor")
    measured, limit = f"{celsius:.1f} °C", f"{WARM_C:.0f} °C"
    if celsius >= HOT_C:
        return fail(TEMPERATURE, measured, limit=limit)
    return warn(TEMPERATURE, measured, limit=limit) if celsius >= WARM_C else ok(TEMPERATURE, measured, limit)


def _throttling(limits: Throttling | None) -> Finding:
    if limits is None:
        return absent(THROTTLING, NO_FIRMWARE)
    now = [
        word
        for word, stands in (
            ("slowed down", limits.throttled),
            ("frequency capped", limits.frequency_capped),
            ("soft temperature limit", limits.soft_limit),
        )
        if stands
    ]
    return warn(THROTTLING, f"{', '.join(now)} now") if now else ok(THROTTLING, "at full speed")


CHECK = Check("board", (POWER, TEMPERATURE, THROTTLING), run)
