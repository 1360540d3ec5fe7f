"""The two slots as a state machine: no files, no clock, no firmware.

A slot is a firmware partition and the root file system that belongs to it. One slot is *committed*: the
firmware boots it by itself. The other may be on *trial*: it is booted once, when the system is told to, and
never again unless it is committed while it runs. So whatever becomes of a trial, the next start is the
committed slot's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from anpr_edge.errors import UsageError

SLOTS: Final = ("A", "B")
"""RAUC's bootnames."""


def other(slot: str) -> str:
    """The slot beside this one."""
    return "B" if slot == "A" else "A"


def checked_slot(name: str) -> str:
    """The slot called so. Raises: UsageError when there is none."""
    if name not in SLOTS:
        raise UsageError(f"no slot is called {name[:16]!r}", hint="there are A and B")
    return name


@dataclass(frozen=True, slots=True)
class Slots:
    """Where a unit stands. `running` is None when the firmware does not say which slot was booted."""

    committed: str
    running: str | None
    trial: str | None = None
    bad: frozenset[str] = field(default_factory=frozenset)

    @property
    def on_trial(self) -> bool:
        """Whether the system that runs goes away with the next start unless it is committed."""
        return self.running is not None and self.running != self.committed

    @property
    def primary(self) -> str:
        """The slot that is to run next: the one to be tried, else the committed one."""
        return self.trial or self.committed

    def set_primary(self, slot: str) -> Slots:
        """Have `slot` run next: on trial when it is not committed, for good when it is what runs already."""
        if slot == self.running:
            return self.committed_to(slot)
        trial = None if slot == self.committed else slot
        return replace(self, trial=trial, bad=self.bad - {slot})

    def set_bad(self, slot: str) -> Slots:
        """Never try `slot` again until it has been written anew."""
        trial = None if self.trial == slot else self.trial
        return replace(self, trial=trial, bad=self.bad | {slot})

    def set_good(self, slot: str) -> Slots:
        """Trust `slot`; the one that runs on trial is committed by it."""
        if self.on_trial and slot == self.running == self.trial:
            return self.committed_to(slot)
        return replace(self, bad=self.bad - {slot})

    def committed_to(self, slot: str) -> Slots:
        """`slot` is what the firmware boots from now on."""
        return replace(self, committed=slot, trial=None, bad=self.bad - {slot})
