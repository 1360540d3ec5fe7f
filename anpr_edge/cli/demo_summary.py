"""What a demo run shows: the centre's reads beside the truth, and the sums at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

LIKENESS_MIN = 0.5
"""A read less like a plate than this is not taken for a read of it."""


@dataclass(frozen=True, slots=True)
class CentreRead:
    """One read as the centre opened it; `latency_ms` is from the plate's last frame to the store."""

    plate_text: str
    confidence: float
    frames_used: int
    latency_ms: float


@dataclass(slots=True)
class Comparison:
    """Reads against the plates that truly passed.

    A read belongs to the plate it is most like; a second read of the same plate is a duplicate, and a
    read like no plate is false.
    """

    truth: Sequence[str]
    reads: list[CentreRead] = field(default_factory=list)
    best: dict[str, CentreRead] = field(default_factory=dict)
    duplicates: int = 0
    false: int = 0

    def add(self, read: CentreRead) -> str | None:
        """Count one read; returns the true plate it belongs to, None when there is none."""
        self.reads.append(read)
        plate = max(self.truth, key=lambda true: _likeness(true, read.plate_text), default=None)
        if plate is None or _likeness(plate, read.plate_text) < LIKENESS_MIN:
            self.false += 1
            return None
        if plate in self.best:
            self.duplicates += 1
        else:
            self.best[plate] = read
        return plate

    @property
    def captured(self) -> int:
        """Vehicles that gave a read."""
        return len(self.best)

    @property
    def right(self) -> int:
        """Vehicles whose read is exactly their plate."""
        return sum(plate == read.plate_text for plate, read in self.best.items())

    def latency_ms(self, percent: float) -> float | None:
        """Nearest-rank percentile of the latency; None without reads."""
        ordered = sorted(read.latency_ms for read in self.reads)
        return ordered[min(len(ordered) - 1, int(percent / 100 * len(ordered)))] if ordered else None


def _likeness(true: str, read: str) -> float:
    return SequenceMatcher(None, true, read, autojunk=False).ratio()
