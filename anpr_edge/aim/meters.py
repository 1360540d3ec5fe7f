"""What the page's meters show, from frame to frame: pure, without a camera and without a clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from anpr_edge.records import Detection, Instant
from anpr_edge.vision.tracker import Tracker

VEHICLES_KEPT = 20
"""What is said of plates is said of the last so many vehicles, each with one vote."""
MIN_LOOKS = 2
"""A plate seen once may be no plate."""
RATE_OVER_S = 3.0
SMOOTHED_OVER = 3
"""Looks at the scene whose median counts: a passing vehicle is no change of focus."""


class PeakHold:
    """A figure and the best it has been: turn the lens until both are the same."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=SMOOTHED_OVER)
        self.peak: float | None = None

    def add(self, value: float | None) -> None:
        """Take one more figure into account; None when there was nothing to measure."""
        if value is None:
            return
        self._last.append(value)
        self.peak = max(self.peak or 0.0, self.now or 0.0)

    @property
    def now(self) -> float | None:
        """The median of the last figures."""
        return median(self._last) if self._last else None

    def reset(self) -> None:
        """Forget the best so far."""
        self._last.clear()
        self.peak = None

    def state(self) -> dict[str, float | None]:
        """Both figures, to four places."""
        return {"now": _rounded(self.now), "peak": _rounded(self.peak)}


class RateMeter:
    """Frames a second that the source gives, from the frames' own instants."""

    def __init__(self) -> None:
        self._taken_ns: deque[int] = deque()

    def add(self, mono_ns: int) -> None:
        """One more frame."""
        if self._taken_ns and mono_ns <= self._taken_ns[-1]:
            self._taken_ns.clear()
        self._taken_ns.append(mono_ns)
        while mono_ns - self._taken_ns[0] > RATE_OVER_S * 1e9:
            self._taken_ns.popleft()

    @property
    def per_s(self) -> float | None:
        """Over the last seconds; None before there are two."""
        taken = tuple(self._taken_ns)
        return (len(taken) - 1) * 1e9 / (taken[-1] - taken[0]) if len(taken) > 1 else None


@dataclass(frozen=True, slots=True)
class PlateLook:
    """One plate in one frame: how wide it is, how sharp, and the share of it that is saturated."""

    detection: Detection
    sharpness: float
    clipped: float


@dataclass(slots=True)
class _Best:
    """The best that was seen of one vehicle's plate."""

    width_px: float = 0.0
    sharpness: float = 0.0
    clipped: float = 0.0
    looks: int = 0

    def add(self, look: PlateLook) -> None:
        self.looks += 1
        if look.detection.box.width >= self.width_px:
            self.width_px = look.detection.box.width
            self.sharpness, self.clipped = look.sharpness, look.clipped


class Vehicles:
    """What the last vehicles' plates were like where each was widest."""

    def __init__(self) -> None:
        self._tracker = Tracker()
        self._seen: dict[int, _Best] = {}

    def add(self, looks: Sequence[PlateLook], taken: Instant) -> None:
        """One more frame's plates."""
        by_detection = {id(look.detection): look for look in looks}
        for matched in self._tracker.update([look.detection for look in looks], taken).matched:
            best = self._seen.setdefault(matched.track.track_id, _Best())
            best.add(by_detection[id(matched.detection)])
        while len(self._seen) > VEHICLES_KEPT:
            del self._seen[next(iter(self._seen))]

    def state(self) -> Mapping[str, Any]:
        """How many vehicles, and the median of each figure over them; None where there was none."""
        votes = [asdict(best) for best in self._seen.values() if best.looks >= MIN_LOOKS]
        figures = ("width_px", "sharpness", "clipped")
        medians = {
            name: _rounded(median(vote[name] for vote in votes)) if votes else None for name in figures
        }
        return {"count": len(votes), **medians}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
