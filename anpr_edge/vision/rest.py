"""Whether a followed plate moves, has come to rest, or never moved at all as signs and lettering do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from anpr_edge.records import Box

MOVED_WIDTHS = 0.25
"""A centre this far from where it rested, in plate widths, has moved. Source: our own choice; the corners of
a plate that stands still wander by about a tenth of its height."""
GROWN = 1.12
"""So has a plate that is this much larger or smaller."""
SETTLED_S = 2.0
"""Standing for so long it has settled."""


@dataclass(slots=True)
class Rest:
    """Where a plate last came to rest and since when; `moved` is false until it has moved once."""

    box: Box
    since_ns: int
    moved: bool = False

    def follow(self, box: Box, mono_ns: int) -> None:
        """Take note of where the plate is now."""
        away = math.dist(box.centre, self.box.centre) / max(1.0, self.box.width)
        size = max(1.0, box.width) / max(1.0, self.box.width)
        if away > MOVED_WIDTHS or not 1 / GROWN < size < GROWN:
            self.box, self.since_ns, self.moved = box, mono_ns, True

    def settled(self, mono_ns: int) -> bool:
        """Whether it has stood still for long."""
        return mono_ns - self.since_ns >= SETTLED_S * 1e9
