"""Does the battery-backed clock keep the time while the unit is without power and network?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from anpr_edge.diag.checks.clock import EARLIEST, LATEST
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, ok, warn
from anpr_edge.diag.machine import read_number, read_text
from anpr_edge.diag.subject import Subject

OFF_LIMIT_S = 30.0
"""The kernel sets it right every 11 minutes while the clock is synchronised; a crystal is off by 2 s a day.
Source: Linux kernel/time/ntp.c, sync_hw_clock; Documentation/admin-guide/rtc.rst."""

RTC = Condition(
    code="rtc",
    title="The battery-backed clock keeps the time",
    severity=Severity.EVIDENCE,
    explanation=(
        "A Pi 5 has a real-time clock that needs a battery, other boards may have one on a bus. It is what "
        "the unit knows of the time after a power cut, until a time server is reached: reads made before "
        "carry its date, and certificates are judged by it."
    ),
    depends_on=("clock-date", "clock-sync"),
    next_step="replace its battery (a Pi 5: plug J5); then hwclock --systohc, and ask again after a day",
)


def run(subject: Subject) -> Iterator[Finding]:
    """The first one's time against the clock's, which is right: clock-sync says so."""
    folder = subject.machine.sys / "class/rtc/rtc0"
    if not folder.exists():
        yield absent(RTC, "this board has none")
        return
    yield _judge(folder, subject.clock.now().utc_ns / 1e9)


def _judge(folder: Path, utc_s: float) -> Finding:
    """Source: Linux Documentation/ABI/testing/sysfs-class-rtc, `name` and `since_epoch`."""
    name, told_s = read_text(folder / "name") or folder.name, read_number(folder / "since_epoch")
    if told_s is None or not 0 <= told_s < LATEST.timestamp():
        return warn(RTC, f"{name} does not tell the time")
    shown = datetime.fromtimestamp(told_s, UTC).isoformat(timespec="seconds")
    if told_s < EARLIEST.timestamp():
        return warn(RTC, f"{name} has lost its time: {shown}", limit=f"{EARLIEST:%Y-%m-%d}")
    off_s = told_s - utc_s
    if abs(off_s) > OFF_LIMIT_S:
        return warn(RTC, f"{name} is off by {off_s:+.0f} s", limit=f"{OFF_LIMIT_S:.0f} s")
    return ok(RTC, f"{name}: {off_s:+.0f} s", f"{OFF_LIMIT_S:.0f} s")


CHECK = Check("rtc", (RTC,), run)
