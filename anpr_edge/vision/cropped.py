"""Plates already cut out of their frame: looked at as they are, and once more by the corners found in them.

A cut-out plate has any margin and any tilt. The recogniser is trained on plates seen straight on with small
margins, so the second look at a plate is used here too: the crop is put in the middle of a larger window, its
edges continued, and where that shows a plate's corners it is read by them as well. Both readings are for the
caller to fuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Box, PlateCandidate, Quad
from anpr_edge.seams import Detector
from anpr_edge.vision.closeup import SAME_PLATE_IOU, WINDOW_ASPECT, load_close_up, upright
from anpr_edge.vision.pixels import MAX_SIDE_PX, MIN_SIDE_PX
from anpr_edge.vision.recogniser import TfliteRecogniser

CROP_SHARE = 0.5
"""How wide the crop is in its window, over the window's width.
Source: our measurement; exact reads of 248 calibration crops, at 0.4, 0.45, 0.5, 0.55, 0.6, 0.7: 241, 242,
244, 241, 243, 244; of 1,944 training crops 1,927 to 1,933, of 542 validation crops 511 to 516 in no order."""
CROP_HEIGHT_SHARE = 0.72
"""How high it may be there, over the window's height."""
CORNERS_SCORE = 0.3
"""Score from which corners found in a crop are worth a reading."""


@dataclass(frozen=True, slots=True)
class CropReader:
    """Reads plates that are already cut out; `close_up` finds the corners in a window around a plate."""

    recogniser: TfliteRecogniser
    close_up: Detector | None

    @classmethod
    def load(cls, directory: Path, recogniser: TfliteRecogniser, threads: int = 1) -> CropReader:
        """The reader with the `closeup` model in a folder of models; without one it looks once.

        Raises: ModelError when that model is not what its card says.
        """
        return cls(recogniser, load_close_up(directory, threads, score_min=CORNERS_SCORE))

    def looks(self, pixels: NDArray[np.uint8], quad: Quad | None) -> list[PlateCandidate]:
        """The readings of a uint8 (height, width) crop: as it is and, where they are known, by its corners.

        Raises: CaptureError for anything but such a picture.
        """
        as_it_is = self.recogniser.recognise_crop(pixels)
        by_corners = self.recogniser.recognise(pixels, quad) if quad else None
        return [look for look in (as_it_is, by_corners) if look is not None]

    def corners_in(self, pixels: NDArray[np.uint8]) -> Quad | None:
        """The plate's corners in a uint8 (height, width) crop, in its px; None if they are not found."""
        if self.close_up is None:
            return None
        window, left, top = window_with(pixels)
        if min(window.shape) < MIN_SIDE_PX or max(window.shape) > MAX_SIDE_PX:
            return None
        height, width = pixels.shape
        crop = Box(left, top, left + width, top + height)
        found = [one for one in self.close_up.detect(window) if one.box.iou(crop) >= SAME_PLATE_IOU]
        if not found:
            return None
        best = upright(self.close_up, window, max(found, key=lambda one: one.score))
        return Quad(*((x - left, y - top) for x, y in best.quad.points))


def window_with(crop: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int, int]:
    """A crop in the middle of the window that a second look wants, and where: its left and top there."""
    height, width = crop.shape
    across = max(width / CROP_SHARE, height / CROP_HEIGHT_SHARE / WINDOW_ASPECT)
    left = round((across - width) / 2)
    top = max(0, round((across * WINDOW_ASPECT - height) / 2))
    window = cv2.copyMakeBorder(crop, top, top, left, left, cv2.BORDER_REPLICATE)
    return np.asarray(window, np.uint8), left, top
