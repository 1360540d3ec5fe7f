"""The trial of a new system, from its start to its end: watched until its gate passes or time is up."""

from __future__ import annotations

from collections.abc import Callable

from anpr_edge.seams import Clock
from anpr_edge.update.gate import Gate, Sight, troubles
from anpr_edge.update.updater import Updater

LOOK_EVERY_S = 1.0


def watch_trial(
    updater: Updater,
    clock: Clock,
    *,
    look: Callable[[], Sight],
    limit_s: float,
    hold_s: float,
    say: Callable[[str], None],
) -> bool:
    """Commit the system that runs once its gate passes; note why not, and give False, when it does not.

    Raises: UpdateError when the commit cannot be written: the old system then comes back with the next start.
    """
    record = updater.recorder.last()
    before = None if record is None else record.broker_before
    gate = Gate(clock.now().mono_ns / 1e9, limit_s, hold_s)
    said: list[str] | None = None
    while True:
        sight = look()
        found = troubles(sight, broker_before=before)
        passed = gate.look(sight, found)
        if said != list(gate.last):
            said = list(gate.last)
            say("; ".join(said) or f"all is well; committed when it has been so for {hold_s:.0f} s")
        if passed is True:
            updater.commit()
            return True
        if passed is False:
            updater.give_up(f"within {limit_s:.0f} s it did not pass its gate: {gate.why}")
            return False
        clock.sleep(LOOK_EVERY_S)
