"""Is the board started again when its whole system hangs, and has that happened?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, not_checked, ok, warn
from anpr_edge.diag.machine import Machine, read_number, read_text
from anpr_edge.diag.subject import Subject

CARD_RESET = 0x20
"""Source: Linux uapi/linux/watchdog.h, WDIOF_CARDRESET: the watchdog has restarted the board."""

TOLD_S = 86_400.0

BOARD_WATCHDOG = Condition(
    code="board-watchdog",
    title="The board's watchdog is armed, and has not had to act",
    severity=Severity.READS,
    explanation=(
        "A kernel that hangs takes everything with it, systemd's watchdogs included. The board's own "
        "watchdog then restarts it after seconds; unarmed, somebody has to drive there. That it had to act "
        "lately points at the supply, the card or the kernel."
    ),
    next_step=(
        "set RuntimeWatchdogSec=15s in /etc/systemd/system.conf.d/watchdog.conf; systemctl daemon-reexec"
    ),
)


def run(subject: Subject) -> Iterator[Finding]:
    """What the first one says, else what systemd says of it."""
    folder = subject.machine.sys / "class/watchdog/watchdog0"
    if not folder.exists():
        yield absent(BOARD_WATCHDOG, "this board has none that the kernel knows")
        return
    if (read_number(folder / "bootstatus") or 0) & CARD_RESET and _up_s(subject) < TOLD_S:
        step = "journalctl -b -1 -p warning: what were the last words before it? look at power and card"
        measured = f"it has restarted the board {_up_s(subject) / 60:.0f} min ago"
        yield warn(BOARD_WATCHDOG, measured, limit=f"{TOLD_S / 3600:.0f} h", next_step=step)
        return
    yield _armed(folder, subject.machine)


def _up_s(subject: Subject) -> float:
    """Since the board was started; CLOCK_MONOTONIC begins there."""
    return subject.clock.now().mono_ns / 1e9


def _armed(folder: Path, machine: Machine) -> Finding:
    """Source: Linux Documentation/ABI/testing/sysfs-class-watchdog; org.freedesktop.systemd1(5)."""
    state, timeout_s = read_text(folder / "state"), read_number(folder / "timeout")
    within = f", {timeout_s} s" if timeout_s is not None and timeout_s > 0 else ""
    if state == "active":
        return ok(BOARD_WATCHDOG, f"armed{within}")
    if state == "inactive":
        return warn(BOARD_WATCHDOG, "not armed")
    answer = machine.ask(["systemctl", "show", "--property=RuntimeWatchdogUSec"])
    given = (answer or "").strip().removeprefix("RuntimeWatchdogUSec=")
    if given in ("0", "infinity"):
        return warn(BOARD_WATCHDOG, "systemd does not feed it")
    if answer and given and given != answer.strip():
        return ok(BOARD_WATCHDOG, f"fed by systemd, within {given}")
    return not_checked(BOARD_WATCHDOG, "neither the kernel nor systemd tells", next_step="wdctl")


CHECK = Check("hangs", (BOARD_WATCHDOG,), run)
