"""How bright a frame and the plates in it came out: what exposure control goes by."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Brightness, Quad

CLIPPED_GREY = 250
"""From here on a pixel counts as saturated: sensors and video ranges rarely reach 255 exactly."""
FACE_SHARE = 0.9
"""The face covers far more than a tenth of a plate, so this percentile lies on it and not on the ink."""
INSIDE = 0.85
"""The middle part of a quad that is looked at: its rim may hold bumper and shadow."""
SCENE_STEP_PX = 8
"""Every eighth pixel both ways is enough for the median of a whole picture."""

Histogram = NDArray[np.int64]


def measure(pixels: NDArray[np.uint8], quads: Sequence[Quad]) -> Brightness:
    """The brightness of a uint8 (H, W) picture and of the plates inside `quads`, all of them together."""
    scene_grey = grey_at(histogram(pixels[::SCENE_STEP_PX, ::SCENE_STEP_PX]), 0.5)
    plates = sum((histogram(inside(pixels, quad)) for quad in quads), np.zeros(256, np.int64))
    if not plates.sum():
        return Brightness(scene_grey)
    clipped = float(plates[CLIPPED_GREY:].sum() / plates.sum())
    return Brightness(scene_grey, grey_at(plates, FACE_SHARE), clipped)


def inside(pixels: NDArray[np.uint8], quad: Quad) -> NDArray[np.uint8]:
    """The pixels (n,) in the middle part of a quad, as far as it is in the picture."""
    corners = np.array(quad.points)
    corners = corners.mean(axis=0) + INSIDE * (corners - corners.mean(axis=0))
    height, width = pixels.shape
    x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)), 0, (width, height)).astype(int).tolist()
    part = pixels[y0:y1, x0:x1]
    mask = np.zeros(part.shape, np.uint8)
    if mask.size:
        cv2.fillConvexPoly(mask, np.round(corners - (x0, y0)).astype(np.int32), (1,))
    return part[mask > 0]


def histogram(pixels: NDArray[np.uint8]) -> Histogram:
    """How many pixels have each of the 256 greys."""
    return np.bincount(pixels.ravel(), minlength=256)


def grey_at(counts: Histogram, share: float) -> float:
    """The grey that `share` of the pixels do not exceed."""
    below = np.cumsum(counts)
    return float(np.searchsorted(below, share * below[-1]))
