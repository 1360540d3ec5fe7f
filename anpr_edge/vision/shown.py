"""A picture that may be looked at: small, and with every plate in it painted over.

Two fences. What may be a plate is painted over, whatever the detector is sure of; and the picture is so small
that of plates that were overlooked only large ones, which are not, could be read.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Box, Detection
from anpr_edge.vision.pixels import resize

SHOWN_WIDTH_PX = 480
"""Source: our measurement over 84 rendered plates of 40 to 130 px in 1280 px pictures, with no paint: our own
recogniser reads 31 % of them at this width, 64 % at 640 px, all at 1280 px."""
MAYBE_SCORE = 0.1
"""From this score of the detector on something is painted over. Source: our measurement over 262 rendered
frames: no plate has less, and one frame in four has paint on nothing; at 0.05 there is paint everywhere."""
GROW_X, GROW_Y = 1.3, 1.6
"""How much larger than the find the paint is: corners are sometimes off by a tenth of a plate."""


def paint_over(pixels: NDArray[np.uint8], plates: Sequence[Detection], held: Sequence[Box] = ()) -> None:
    """Fill every find, and the boxes `held` from frames before, with one grey each, in place."""
    hulls = [np.array(_corners(box), np.float32) for box in held]
    hulls += [np.array([*find.quad.points, *_corners(find.box)], np.float32) for find in plates]
    greys = [_mean_grey(pixels, hull) for hull in hulls]
    for hull, grey in zip(hulls, greys, strict=True):
        corners = cv2.convexHull(hull)[:, 0, :]
        middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
        grown = middle + (corners - middle) * (GROW_X, GROW_Y)
        cv2.fillConvexPoly(pixels, np.rint(grown).astype(np.int32), (grey,))


def small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture at no more than 480 px across, in its own proportions."""
    height, width = pixels.shape
    if width <= SHOWN_WIDTH_PX:
        return pixels
    return resize(pixels, (SHOWN_WIDTH_PX, max(1, round(height * SHOWN_WIDTH_PX / width))))


def _corners(box: Box) -> list[tuple[float, float]]:
    return [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]


def _mean_grey(pixels: NDArray[np.uint8], hull: NDArray[np.float32]) -> int:
    """The mean of what is painted over: it shows how bright the plate came out, and nothing of its text."""
    height, width = pixels.shape
    x0, y0 = np.clip(hull.min(axis=0), 0, (width - 1, height - 1)).astype(int).tolist()
    x1, y1 = np.clip(hull.max(axis=0), (x0 + 1, y0 + 1), (width, height)).astype(int).tolist()
    return round(float(pixels[y0:y1, x0:x1].mean()))
