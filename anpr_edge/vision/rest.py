"""Whether a followed plate moves, has come to rest, or never moved at all as signs and lettering do."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from anpr_edge.records import Box

MOVED_WIDTHS = 0.25
"""A centre this far from where it rested, in plate widths, has moved. Source: our own choice; the corners of
a plate that stands still wander by about a tenth of its height."""
GROWN = 1.12
"""So has a plate that is this much larger or smaller."""
BESIDE_WIDTHS, BESIDE_GROWN = 1.0, 1.6
"""A first sight may be as far off as this, of a board half seen or taken together with another."""
SETTLED_S = 2.0
"""Standing for so long it has settled."""
LOOKS_AWAY = 5
"""What was seen elsewhere so often on end has moved, or what was in half of all looks. A vehicle that passes
before a sign takes the sign's box with it for a frame or two, and a sign of two lines is found by turns."""

PLACES = 3
PLACE_WIDTHS, PLACE_GROWN = MOVED_WIDTHS / 2, 1.06
"""What has moved was seen in so many places at least, each half a move from the others: on its way, too. Two
boards near each other that are found by turns are two places."""
RETURNS, MANY_PLACES = 3, 6
"""What came back to an earlier place so often wavers: a board of two lines is found as the upper, the lower
and both. It has moved only when it was seen in many more places than that. Source: our measurement: rendered
vehicles come back once at most and are seen in five places or more; a board comes back at every sixth look,
from three."""


@dataclass(slots=True)
class Rest:
    """Where a plate last came to rest, and since when by the monotonic clock."""

    box: Box
    since_ns: int
    _home: Box = field(init=False)
    _looks: int = 1
    _looks_away: int = 0
    _away_on_end: int = 0
    _has_settled: bool = False
    _places: list[Box] = field(default_factory=list)
    _place: int = 0
    _returns: int = 0

    def __post_init__(self) -> None:
        self._home = self.box
        self._places.append(self.box)

    @property
    def moved(self) -> bool:
        """Whether it is elsewhere than where it was first seen, and came there step by step."""
        if len(self._places) < (MANY_PLACES if self._returns >= RETURNS else PLACES):
            return False
        return self._away_on_end >= LOOKS_AWAY or 2 * self._looks_away >= self._looks

    def follow(self, box: Box, mono_ns: int) -> None:
        """Take note of where the plate is now."""
        if _elsewhere(box, self.box):
            self.box, self.since_ns = box, mono_ns
        if not self._has_settled and self.settled(mono_ns):
            self._settle()
        self._arrive(box)
        away = _elsewhere(box, self._home)
        self._looks += 1
        self._looks_away += away
        self._away_on_end = self._away_on_end + 1 if away else 0

    def _settle(self) -> None:
        """Stand still for the first time: beside where it was first seen, that first sight was inexact."""
        self._has_settled = True
        if not _elsewhere(self.box, self._home, widths=BESIDE_WIDTHS, grown=BESIDE_GROWN):
            self._home, self._looks_away, self._away_on_end = self.box, 0, 0
            self._places, self._place, self._returns = [self.box], 0, 0

    def _arrive(self, box: Box) -> None:
        """Count a place that is new, and coming back to one that is not."""
        known = [number for number, place in enumerate(self._places) if not _is_apart(box, place)]
        if not known and len(self._places) < MANY_PLACES:
            self._places.append(box)
            self._place = len(self._places) - 1
        elif known and self._place not in known:
            self._returns += known[-1] < self._place
            self._place = known[-1]

    def settled(self, mono_ns: int) -> bool:
        """Whether it has stood still for long."""
        return mono_ns - self.since_ns >= SETTLED_S * 1e9


def _is_apart(box: Box, place: Box) -> bool:
    return _elsewhere(box, place, widths=PLACE_WIDTHS, grown=PLACE_GROWN)


def _elsewhere(box: Box, other: Box, *, widths: float = MOVED_WIDTHS, grown: float = GROWN) -> bool:
    away = math.dist(box.centre, other.centre) / max(1.0, other.width)
    size = max(1.0, box.width) / max(1.0, other.width)
    return away > widths or not 1 / grown < size < grown
