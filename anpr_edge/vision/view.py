"""Which parts of the picture count, and which lane a place belongs to: polygons drawn once at the site.

Polygons are in shares of the picture's width and height, so that they outlive a change of resolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Point

Polygon = Sequence[Point]
"""At least three corners in shares of the picture, (0, 0) top left and (1, 1) bottom right."""


@dataclass(frozen=True)
class View:
    """What of the picture is looked at. Without `regions` all of it is, but for the `exclusions`."""

    regions: Sequence[Polygon] = ()
    exclusions: Sequence[Polygon] = ()
    lanes: Mapping[str, Polygon] = field(default_factory=dict)

    def counts(self, place: Point, width: int, height: int) -> bool:
        """Whether a plate centred at `place`, in px of a `width` × `height` picture, is to be read."""
        share = place[0] / width, place[1] / height
        if self.regions and not any(_inside(region, share) for region in self.regions):
            return False
        return not any(_inside(exclusion, share) for exclusion in self.exclusions)

    def lane_at(self, place: Point, width: int, height: int) -> str | None:
        """The first lane that `place` lies in; None between and beside them."""
        share = place[0] / width, place[1] / height
        return next((name for name, polygon in self.lanes.items() if _inside(polygon, share)), None)

    def mask(self, width: int, height: int) -> NDArray[np.bool_] | None:
        """Which cells of a grid over the picture count, bool (height, width); None when all do."""
        if not self.regions and not self.exclusions:
            return None
        cells = np.full((height, width), 0 if self.regions else 1, np.uint8)
        for polygons, value in ((self.regions, 1), (self.exclusions, 0)):
            for polygon in polygons:
                corners = np.array(polygon, np.float64) * (width, height)
                cv2.fillPoly(cells, [np.rint(corners).astype(np.int32)], (value,))
        return cells.astype(bool)


def _inside(polygon: Polygon, place: Point) -> bool:
    return cv2.pointPolygonTest(np.array(polygon, np.float32), place, measureDist=False) >= 0
