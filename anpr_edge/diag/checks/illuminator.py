"""Is there what drives the configured lamps?"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, ok
from anpr_edge.diag.nodes import look
from anpr_edge.diag.subject import Subject

ILLUMINATOR = Condition(
    code="illuminator",
    title="The configured lamps have their PWM channel or their board's line",
    severity=Severity.READS,
    explanation=(
        "The lamps' brightness is a PWM channel of the kernel, or a lamp board's on a serial line. The "
        "reader does not start without the channel it is told to use; a board may come later. Nothing is "
        "switched here: whether light comes out, only a board can tell (lamp-current)."
    ),
    depends_on=("config",),
    next_step="check illuminator.pwm, and the pwm overlay in config.txt; ls /sys/class/pwm shows the chips",
)

CONTROLS = ("period", "duty_cycle", "enable")
"""Source: Linux Documentation/driver-api/pwm.rst, "Using PWMs with the sysfs interface"."""

NEXT_STEP = "check illuminator.pwm, and the pwm overlay in config.txt; ls /sys/class/pwm shows the chips"


def run(subject: Subject) -> Iterator[Finding]:
    """The channel, or the chip that can export it."""
    lamps = subject.config.illuminator
    if lamps is not None and lamps.pwm is not None:
        yield _channel(lamps.pwm)
    elif lamps is not None and lamps.board is not None:
        yield _line(lamps.board)
    else:
        yield ok(ILLUMINATOR, "none configured")


def _line(device: Path) -> Finding:
    step = "plug the lamp board in, and check illuminator.board and the UART's overlay in config.txt"
    found = look(ILLUMINATOR, device, next_step=step)
    if isinstance(found, Finding):
        return found
    if not stat.S_ISCHR(found.st_mode):
        return fail(ILLUMINATOR, f"{device}: not a serial device", next_step=step)
    return ok(ILLUMINATOR, str(device))


def _channel(channel: Path) -> Finding:
    chip = channel.parent
    found = look(ILLUMINATOR, chip, next_step=NEXT_STEP)
    if isinstance(found, Finding):
        return found
    if channel.exists():
        missing = [name for name in CONTROLS if not (channel / name).exists()]
        if missing:
            return fail(ILLUMINATOR, f"{channel}: has no {', '.join(missing)}", next_step=NEXT_STEP)
        return ok(ILLUMINATOR, str(channel))
    if not _can_export(chip, channel.name):
        return fail(ILLUMINATOR, f"{chip}: no PWM chip that has {channel.name}", next_step=NEXT_STEP)
    return ok(ILLUMINATOR, f"{channel}: not exported yet, the reader does it")


def _can_export(chip: Path, channel: str) -> bool:
    """Whether the chip has a channel of this name, `pwm0` and on."""
    try:
        channels = int((chip / "npwm").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False
    number = channel.removeprefix("pwm")
    return (chip / "export").exists() and number.isdecimal() and int(number) < channels


CHECK = Check("illuminator", (ILLUMINATOR,), run)
