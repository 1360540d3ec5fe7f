"""How well plates are read, hour by hour, without any plate: what the fleet learns of a camera's sight.

Nothing leaves this module but rounded counts of a whole hour. An hour with fewer than `FEWEST_READS` gives
none. A country or syntax with fewer than `FEWEST_OF_A_KIND` counts under `other`, and every count is rounded
to a multiple of `ROUNDED_TO`: a rare vehicle does not show, nor does it show that one vehicle more passed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

from anpr_edge.records import PlateRead
from anpr_edge.seams import Clock

HOUR_NS: Final = 3600 * 10**9
FEWEST_READS: Final = 20
FEWEST_OF_A_KIND: Final = 5
ROUNDED_TO: Final = 5
NONE, OTHER = "none", "other"

CONFIDENCES: Final = ("0.0-0.5", "0.5-0.6", "0.6-0.7", "0.7-0.8", "0.8-0.9", "0.9-1.0")
CONFIDENCE_EDGES: Final = (0.5, 0.6, 0.7, 0.8, 0.9)
WIDTHS_PX: Final = ("0-40", "40-60", "60-80", "80-100", "100-140", "140-200", "200+")
WIDTH_EDGES_PX: Final = (40, 60, 80, 100, 140, 200)
FRAMES_USED: Final = ("1", "2", "3-4", "5-8", "9-16", "17+")
FRAMES_EDGES: Final = (2, 3, 5, 9, 17)


@dataclass(slots=True)
class _Hour:
    """What was read in one hour since the reader has run in it."""

    number: int
    since_mono_ns: int
    reads: int = 0
    regions: Counter[str] = field(default_factory=Counter)
    syntaxes: Counter[str] = field(default_factory=Counter)
    confidence: Counter[str] = field(default_factory=Counter)
    width_px: Counter[str] = field(default_factory=Counter)
    frames_used: Counter[str] = field(default_factory=Counter)

    def add(self, read: PlateRead) -> None:
        self.reads += 1
        self.regions[read.region or NONE] += 1
        self.syntaxes[read.syntax or NONE] += 1
        self.confidence[_bin(read.confidence, CONFIDENCE_EDGES, CONFIDENCES)] += 1
        self.frames_used[_bin(read.frames_used, FRAMES_EDGES, FRAMES_USED)] += 1
        if read.plate_width_px is not None:
            self.width_px[_bin(read.plate_width_px, WIDTH_EDGES_PX, WIDTHS_PX)] += 1

    def told(self, covered_s: float) -> dict[str, Any]:
        """The hour's rounded counts."""
        began = datetime.fromtimestamp(self.number * HOUR_NS / 1e9, UTC)
        return {
            "hour_utc": began.isoformat(timespec="seconds"),
            "covered_s": round(covered_s),
            "reads": _rounded(self.reads),
            "regions": _kinds(self.regions),
            "syntaxes": _kinds(self.syntaxes),
            "confidence": {name: _rounded(self.confidence[name]) for name in CONFIDENCES},
            "width_px": {name: _rounded(self.width_px[name]) for name in WIDTHS_PX},
            "frames_used": {name: _rounded(self.frames_used[name]) for name in FRAMES_USED},
        }


class PlateStats:
    """Counts reads by the hour of UTC; tells of an hour once it is over. Any thread may call any method."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        now = clock.now()
        self._hour = _Hour(now.utc_ns // HOUR_NS, now.mono_ns)
        self._told: dict[str, Any] | None = None
        self._why = "no whole hour has passed since the reader started"

    def add(self, read: PlateRead) -> None:
        """Count one read; a preview is none yet."""
        with self._lock:
            self._turn_over()
            if not read.preview:
                self._hour.add(read)

    def state(self) -> tuple[dict[str, Any] | None, str]:
        """The last hour that is over, or None and why."""
        with self._lock:
            self._turn_over()
            return self._told, "" if self._told else self._why

    def _turn_over(self) -> None:
        """Close the hour when the clock shows another one, also after a step of the clock."""
        now = self._clock.now()
        number = now.utc_ns // HOUR_NS
        if number == self._hour.number:
            return
        over, self._hour = self._hour, _Hour(number, now.mono_ns)
        covered_s = min(3600.0, (now.mono_ns - over.since_mono_ns) / 1e9)
        if over.reads >= FEWEST_READS:
            self._told = over.told(covered_s)
        else:
            self._told, self._why = None, f"fewer than {FEWEST_READS} reads in the last hour"


def _bin(value: float, edges: Sequence[float], names: Sequence[str]) -> str:
    return names[sum(value >= edge for edge in edges)]


def _kinds(counts: Mapping[str, int]) -> dict[str, int]:
    """The common kinds by name, all rare ones together."""
    common = {kind: count for kind, count in sorted(counts.items()) if count >= FEWEST_OF_A_KIND}
    rare = sum(counts.values()) - sum(common.values())
    return {kind: _rounded(count) for kind, count in common.items()} | {OTHER: _rounded(rare)}


def _rounded(count: int) -> int:
    return ROUNDED_TO * round(count / ROUNDED_TO)
