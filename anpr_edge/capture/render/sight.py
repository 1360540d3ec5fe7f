"""What of each plate a camera can see in one frame: where it is, how wide, and how much is hidden."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Quad, mask_plate

HIDDEN_FROM = 0.02
"""From this share on a plate counts as hidden: a fiftieth of it is a third of a character."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One vehicle's plate in one frame; `hidden` is the share of it behind nearer vehicles, 0 to 1."""

    vehicle: int
    plate_text: str
    quad: Quad
    inside: bool
    hidden: float

    @property
    def width_px(self) -> float:
        """Width of the upright box around it."""
        return self.quad.box.width

    @property
    def readable(self) -> bool:
        """Wholly in the picture with nothing before it."""
        return self.inside and self.hidden < HIDDEN_FROM

    def __repr__(self) -> str:
        return f"Sight({mask_plate(self.plate_text)}, {self.width_px:.0f} px, hidden={self.hidden:.2f})"


def hidden_share(quad: Quad, outlines: list[NDArray[np.float64]]) -> float:
    """The greatest share of a plate behind any one of the boxes with these corners, each (8, 2) px."""
    plate = np.array(quad.points, np.float32)
    area = float(cv2.contourArea(plate))
    if area <= 0:
        return 1.0
    hulls = (cv2.convexHull(outline.astype(np.float32)) for outline in outlines)
    return max((cv2.intersectConvexConvex(plate, hull)[0] / area for hull in hulls), default=0.0)
