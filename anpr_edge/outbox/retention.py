"""How old a kept read is, whatever the wall clock does.

While the machine runs, age is counted by its monotonic clock, which no step of the wall clock moves: a
day forward expires nothing, a day back keeps nothing longer. The time it was switched off can only come
from the wall clock; it is believed when the clock says it is synchronised, both when last seen before
and when first seen after. If it was not, that time is not counted: a read may then stay longer, never
shorter, than its retention.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from anpr_edge.records import Instant

BOOT_ID_FILE: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Synced:
    """A look at a synchronised wall clock: in which boot, what it said, and the age at that moment."""

    boot_id: bytes
    utc_ns: int
    age_ns: int


@dataclass(frozen=True, slots=True)
class AgeMark:
    """How long the outbox had been kept, `age_ns`, when the monotonic clock of a boot said `mono_ns`."""

    boot_id: bytes
    mono_ns: int
    age_ns: int
    synced: Synced | None

    def at(self, now: Instant, boot_id: bytes) -> AgeMark:
        """The mark moved on to `now`. Its age never goes back."""
        ran_ns = now.mono_ns - self.mono_ns if boot_id == self.boot_id else 0
        moved = AgeMark(boot_id, now.mono_ns, self.age_ns + max(0, ran_ns), self.synced)
        if now.utc_error_ms is None:
            return moved
        age_ns = moved.age_ns
        if self.synced is not None and self.synced.boot_id != boot_id:
            age_ns = max(age_ns, self.synced.age_ns + now.utc_ns - self.synced.utc_ns)
        return replace(moved, age_ns=age_ns, synced=Synced(boot_id, now.utc_ns, age_ns))


def this_boot() -> bytes:
    """This boot's random id, 16 bytes. Source: Linux random(4)."""
    return uuid.UUID(BOOT_ID_FILE.read_text().strip()).bytes
