"""Notices when somebody sets the wall clock: durations are not touched by it, the times of reads are."""

from __future__ import annotations

from typing import Any, Final

from anpr_edge.records import Instant

STEP_S: Final = 0.5
"""A time daemon turns the clock by at most 500 ppm, half a millisecond a second; more is a step.
Source: adjtimex(2), chrony.conf(5) makestep."""


class ClockSteps:
    """Holds the wall clock against the monotonic one, whenever it is asked to look."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._count = 0
        self._last: tuple[float, int] | None = None

    def look(self, now: Instant) -> dict[str, Any]:
        """What has been seen up to `now`: `steps`, and of the last one `last_step_s` and its age."""
        offset_ns = now.utc_ns - now.mono_ns
        if self._offset_ns is not None:
            moved_s = (offset_ns - self._offset_ns) / 1e9
            if abs(moved_s) >= STEP_S:
                self._count += 1
                self._last = moved_s, now.mono_ns
        self._offset_ns = offset_ns
        if self._last is None:
            return {"steps": 0, "last_step_s": None, "last_step_age_s": None}
        moved_s, mono_ns = self._last
        age_s = round((now.mono_ns - mono_ns) / 1e9, 1)
        return {"steps": self._count, "last_step_s": round(moved_s, 3), "last_step_age_s": age_s}
