"""The motion gate: is anything moving at all? An empty road must cost next to nothing.

A small picture is compared with a slowly following background. Light that changes everywhere alike
(a cloud, the sensor's own gain) is taken out first. A gate that is wrong must never cost a read:
`pipeline.PlateReader` looks at every n-th frame whatever the gate says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anpr_edge.vision.pixels import resize

SMALL_WIDTH_PX = 160
FOLLOW = 0.05
"""Share of each new picture in the background: half of a change is forgotten in 14 frames."""
DIFFERENCE_GREY = 10.0
"""A cell has changed when it differs from the background by more than this."""
MOVING_AREA = 0.0008
"""The share of changed cells that counts as motion: 12 of 14,400, a plate 60 x 14 px at 1280 x 720."""


class MotionGate:
    """Opens when part of the picture differs from what was there before."""

    def __init__(self, *, difference_grey: float = DIFFERENCE_GREY, moving_area: float = MOVING_AREA) -> None:
        self._difference_grey = difference_grey
        self._moving_area = moving_area
        self._background = np.zeros((0, 0), np.float32)
        self._shape: tuple[int, ...] = ()

    def moving(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether something moves in this uint8 (height, width) picture; True for the first one."""
        small = _shrink(pixels)
        if pixels.shape != self._shape:
            self._background, self._shape = small, pixels.shape
            return True
        difference = small - self._background
        self._background += np.float32(FOLLOW) * difference
        difference -= np.median(difference[::4, ::4])
        changed = np.count_nonzero(np.abs(difference) > self._difference_grey)
        return changed > self._moving_area * small.size


def _shrink(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    step = max(1, pixels.shape[1] // SMALL_WIDTH_PX)
    size = max(1, pixels.shape[1] // step), max(1, pixels.shape[0] // step)
    return resize(pixels, size).astype(np.float32)
