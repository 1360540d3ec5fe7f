"""Are the configured lamps' controls there?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, ok
from anpr_edge.diag.nodes import look
from anpr_edge.diag.subject import Subject

ILLUMINATOR = Condition(
    code="illuminator",
    title="The configured lamps have their PWM channel",
    severity=Severity.READS,
    explanation=(
        "The lamps' brightness is a PWM channel of the kernel. The reader does not start without the one it "
        "is told to use. Nothing is switched here, so whether light comes out is not checked."
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
    yield ok(ILLUMINATOR, "none configured") if lamps is None else _channel(lamps.pwm)


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
