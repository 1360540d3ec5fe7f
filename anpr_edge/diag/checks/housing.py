"""Is the case closed, do the lamps draw current, and does the system wait for a restart?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from anpr_edge.diag.checks import lamp_board
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, not_checked, ok, warn
from anpr_edge.diag.machine import read_number, read_text
from anpr_edge.diag.subject import Subject

LAMPS_ON_LEVEL = 0.2
LAMPS_DARK_MA = 20
"""Less than a single LED string draws at a fifth of its level."""

TAMPER = Condition(
    code="tamper",
    title="The case has not been opened, and its head not moved",
    severity=Severity.EVIDENCE,
    explanation=(
        "A switch in the case, on a monitoring chip that the kernel knows or on a lamp board, holds its "
        "alarm until it is cleared; a lamp board also knows when its head was tilted. What was done to an "
        "open unit cannot be told: its keys may be known to others now."
    ),
    next_step=(
        "find out who opened it; if nobody should have, enrol the unit anew; then clear it: echo 0 there"
    ),
)
LAMP_CURRENT = Condition(
    code="lamp-current",
    title="The lamps draw current when they are on",
    severity=Severity.READS,
    explanation=(
        "A lamp board, or a current sensor in the lamps' supply (INA219, INA226, INA3221), tells whether "
        "they shine. Lamps that are told to and draw nothing are dead, unplugged or without supply."
    ),
    depends_on=("illuminator", "service-reader"),
    next_step="the lamps' fuse, plug and driver; then the wire from the board's PWM pin to the driver",
)
RESTART_DUE = Condition(
    code="restart-due",
    title="No update waits for a restart",
    severity=Severity.EVIDENCE,
    explanation="An update of the kernel or of a library counts only once the unit has been started again.",
    next_step="sudo reboot when the road is quiet; reads wait in the outbox meanwhile",
)


CLEAR = "stop the reader, anpr-edge lamps clear-tamper, start it again"


def run(subject: Subject) -> Iterator[Finding]:
    """What a lamp board, the board's own sensors and the system say, where they say anything."""
    board = lamp_board.reported(subject)
    yield _tamper(subject.machine.sys) if board is None else _board_tamper(board)
    yield _lamps(subject) if board is None else _board_lamps(board)
    yield _restart(subject.machine.run)


def _board_tamper(board: Mapping[str, Any]) -> Finding:
    """What the lamp board remembers, without power too."""
    now = [words for flag, words in (("door", "open now"), ("moved", "tilted now")) if flag in board["flags"]]
    was = [
        words
        for flag, words in (("door-opened", "was opened"), ("was-moved", "was tilted"))
        if flag in board["flags"]
    ]
    if now or was:
        words = ", ".join(now or was)
        return fail(TAMPER, words, next_step=f"find out who was there, shut it, aim the head; then {CLEAR}")
    return ok(TAMPER, "shut, not moved")


def _board_lamps(board: Mapping[str, Any]) -> Finding:
    """The lamp board compares what the lamps draw with what their level should take."""
    measured = f"{board['current_ma']} mA at {board['level'] * 100:.0f} %"
    return fail(LAMP_CURRENT, measured) if "lamp-fault" in board["flags"] else ok(LAMP_CURRENT, measured)


def _tamper(sys: Path) -> Finding:
    """Source: Linux Documentation/hwmon/sysfs-interface.rst, intrusion[0-*]_alarm."""
    switches = sorted(sys.glob("class/hwmon/hwmon*/intrusion*_alarm"))
    if not switches:
        return absent(TAMPER, "no switch in the case that the kernel knows")
    alarms = {switch: read_number(switch) for switch in switches}
    opened = [switch for switch, alarm in alarms.items() if alarm]
    if opened:
        return fail(TAMPER, f"{opened[0]}: the case was opened")
    silent = [switch for switch, alarm in alarms.items() if alarm is None]
    if silent:
        step = "is the chip that watches the switch still there? dmesg; look at the case itself"
        return not_checked(TAMPER, f"{silent[0]}: says neither", next_step=step)
    return ok(TAMPER, "closed")


def _lamps(subject: Subject) -> Finding:
    level = (subject.state("reader").get("exposure") or {}).get("lamp_level")
    if level is None:
        return absent(LAMP_CURRENT, "the reader drives no lamps")
    milliamperes = _lamp_milliamperes(subject.machine.sys)
    if milliamperes is None:
        return absent(LAMP_CURRENT, "no current sensor in the lamps' supply")
    measured = f"{milliamperes} mA at {level * 100:.0f} %"
    if level >= LAMPS_ON_LEVEL and milliamperes < LAMPS_DARK_MA:
        return fail(LAMP_CURRENT, measured, limit=f"at least {LAMPS_DARK_MA} mA")
    return ok(LAMP_CURRENT, measured)


def _lamp_milliamperes(sys: Path) -> int | None:
    """Of the sensor or channel labelled `lamps`, else of the only one.

    Source: Linux Documentation/hwmon/ina2xx.rst and ina3221.rst; sysfs-interface.rst, `label`.
    """
    chips = [c for c in sys.glob("class/hwmon/hwmon*") if (read_text(c / "name") or "").startswith("ina")]
    channels = sorted(path for chip in chips for path in chip.glob("curr*_input"))
    named = [path for path in channels if "lamps" in _labels(path)]
    if named or len(channels) == 1:
        return read_number((named or channels)[0])
    return None


def _labels(channel: Path) -> set[str | None]:
    """What the sensor and this channel of it are called: `curr2_input` measures what `in2_input` does."""
    number = channel.name.removeprefix("curr").removesuffix("_input")
    return {read_text(channel.with_name(name)) for name in ("label", f"in{number}_label")}


def _restart(run_dir: Path) -> Finding:
    """Source: Debian package unattended-upgrades, whose kernel hook writes this file."""
    mark = run_dir / "reboot-required"
    return warn(RESTART_DUE, f"{mark} is there") if mark.exists() else ok(RESTART_DUE, "none")


CHECK = Check("housing", (TAMPER, LAMP_CURRENT, RESTART_DUE), run)
