"""The motion gate: is anything moving at all? An empty road must cost next to nothing.

A small picture is compared with a slowly following background, cell by cell. Light that changes everywhere
alike (a cloud, the sensor's own gain) is taken out first. Every cell knows how much it flickers by itself
(rain, leaves, a shaking pole) and has to differ by more than that, and in company: a single cell is noise.
When most of the picture has changed at once the light was switched, and the new picture is the background.

A gate that is wrong must never cost a read: `pipeline.PlateReader` looks at every n-th frame whatever the
gate says, and at every frame while it follows a plate.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.vision.pixels import resize
from anpr_edge.vision.view import View

Floats = NDArray[np.float32]

SMALL_WIDTH_PX = 160
FOLLOW = 0.05
"""Share of each new picture in the background: half of a change is forgotten in 14 frames."""
DIFFERENCE_GREY = 10.0
"""A cell has changed when it differs from the background by more than this and a multiple of its flicker."""
FLICKER_FACTOR = 3.0
FLICKER_STEP_GREY = 0.1
FLICKER_SHARE = 0.7
"""A cell's flicker is what its differences stay below in this share of the frames: a lane in which vehicles
are to be seen less than three tenths of the time does not learn to overlook them."""
MAX_FLICKER_GREY = 8.0
"""Flicker never hides a plate that stands out by more than `FLICKER_FACTOR` times this."""
COMPANY = 4
"""Changed cells among a cell and its eight neighbours that make the cell count."""
MOVING_AREA = 0.0008
"""The share of changed cells that counts as motion: 12 of 14,400, a plate 60 x 14 px at 1280 x 720."""
SWITCHED_AREA = 0.4
"""A change of more than this share of the picture is the light's, not a vehicle's."""

_NEIGHBOURS = np.ones((3, 3), np.float32)


class MotionGate:
    """Opens when part of the picture differs from what was there before."""

    def __init__(self, view: View | None = None) -> None:
        """What moves outside the `view` does not count."""
        self._view = view or View()
        self._shape: tuple[int, ...] = ()
        self._background = self._flicker = np.zeros((0, 0), np.float32)
        self._mask: NDArray[np.bool_] | None = None

    def moving(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether something moves in this uint8 (height, width) picture; True for the first one."""
        small = _shrink(pixels)
        if pixels.shape != self._shape:
            self._begin(small, pixels.shape)
            return True
        difference = small - self._background
        self._background += np.float32(FOLLOW) * difference
        difference -= np.median(difference[::4, ::4])
        size = np.abs(difference)
        changed = size > np.maximum(np.float32(FLICKER_FACTOR) * self._flicker, DIFFERENCE_GREY)
        self._learn_flicker(size)
        if np.count_nonzero(changed) > SWITCHED_AREA * changed.size:
            self._background = small
            return True
        if self._mask is not None:
            changed &= self._mask
        least = MOVING_AREA * changed.size
        return bool(np.count_nonzero(changed) > least) and self._in_company(changed) > least

    def _begin(self, small: Floats, shape: tuple[int, ...]) -> None:
        self._background, self._shape = small, shape
        self._flicker = np.zeros_like(small)
        self._mask = self._view.mask(small.shape[1], small.shape[0])

    def _learn_flicker(self, size: Floats) -> None:
        """Step each cell's flicker towards the size that `FLICKER_SHARE` of its differences stay below.

        Source: stochastic approximation of a quantile, H. Robbins and S. Monro, Annals of Mathematical
        Statistics 22 (1951).
        """
        up, down = FLICKER_STEP_GREY * FLICKER_SHARE, FLICKER_STEP_GREY * (1 - FLICKER_SHARE)
        self._flicker += np.where(size > self._flicker, np.float32(up), np.float32(-down))
        np.clip(self._flicker, 0, MAX_FLICKER_GREY, out=self._flicker)

    def _in_company(self, changed: NDArray[np.bool_]) -> int:
        """How many changed cells have neighbours that changed with them."""
        around = cv2.filter2D(changed.astype(np.float32), -1, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
        return int(np.count_nonzero(changed & (around >= COMPANY)))


def _shrink(pixels: NDArray[np.uint8]) -> Floats:
    step = max(1, pixels.shape[1] // SMALL_WIDTH_PX)
    size = max(1, pixels.shape[1] // step), max(1, pixels.shape[0] // step)
    return resize(pixels, size).astype(np.float32)
