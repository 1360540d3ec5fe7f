"""Which system runs, is it there to stay, and how did the last update end?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, not_checked, ok, warn
from anpr_edge.diag.nodes import AS_ROOT
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import UpdateError
from anpr_edge.update.bootstore import BootStore
from anpr_edge.update.layout import load_layout
from anpr_edge.update.record import Phase, Record, read_outcome
from anpr_edge.update.slots import Slots
from anpr_edge.update.versions import running_version

LONGEST_INSTALL_S = 2 * 3600.0
"""Writing and reading back a slot takes minutes; systemd ends it after this."""

UPDATE_STATE = Condition(
    code="update-state",
    title="The system that runs is the one that starts again, and the last update came to a good end",
    severity=Severity.READS,
    explanation=(
        "A unit made from an image has two slots. A new system is started once, on trial; its health gate "
        "commits it within minutes, or the next start brings the old one back. The firmware finds the "
        "committed slot in autoboot.txt: without that file it may start a system that was never meant to."
    ),
    depends_on=("config",),
    next_step="anpr-edge update status says where the unit stands; docs/update.md what to do",
)


def run(subject: Subject) -> Iterator[Finding]:
    """The slots, then what became of the last update."""
    file = subject.machine.layout_file
    if not _is_there(file):
        yield absent(UPDATE_STATE, "this system was not made from an image with two slots")
        return
    try:
        layout = load_layout(file)
        slots = BootStore(layout).load()
    except UpdateError as error:
        if isinstance(error.__context__, PermissionError):
            yield not_checked(UPDATE_STATE, str(error), next_step=AS_ROOT)
            return
        yield fail(UPDATE_STATE, str(error), next_step=error.hint or UPDATE_STATE.next_step)
        return
    try:
        last = read_outcome(layout.state_dir)
    except UpdateError as error:
        yield warn(UPDATE_STATE, str(error), next_step=error.hint)
        return
    yield _judged(subject, running_version(layout.release_file), slots, last)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True  # what it cannot say it is asked for next


def _judged(subject: Subject, version: str, slots: Slots, last: Record | None) -> Finding:
    where = f"version {version}, slot {slots.running or 'unknown'}"
    if slots.on_trial:
        minutes = subject.config.update.gate_minutes
        return warn(
            UPDATE_STATE,
            f"{where}, on trial: {slots.committed} is committed",
            limit=f"{minutes:g} min",
            next_step="wait for its gate, which commits it or goes back: journalctl -u anpr-edge-health-gate",
        )
    if last is None:
        return ok(UPDATE_STATE, f"{where}, no update yet")
    told = f"{where}; {last.version} {last.phase}, {last.utc}"
    told += f": {last.why}" if last.why else ""
    if last.phase in (Phase.ROLLED_BACK, Phase.FAILED):
        step = "mend what it says, then install it again, or a newer one"
        return warn(UPDATE_STATE, told, next_step=step)
    if last.phase is Phase.INSTALLED:
        step = "anpr-edge update try starts it, anpr-edge update rollback leaves it"
        return warn(UPDATE_STATE, told, next_step=step)
    if last.phase is Phase.INSTALLING and _age_s(subject, last) > LONGEST_INSTALL_S:
        return warn(UPDATE_STATE, f"{told}, and has not ended", next_step="install it again")
    return ok(UPDATE_STATE, told)


def _age_s(subject: Subject, last: Record) -> float:
    try:
        since = datetime.fromisoformat(last.utc)
    except ValueError:
        return 0.0
    return (datetime.fromtimestamp(subject.clock.now().utc_ns / 1e9, UTC) - since).total_seconds()


CHECK = Check("update", (UPDATE_STATE,), run)
