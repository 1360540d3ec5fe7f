"""What every picture must be before it goes in: one check, shared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anpr_edge.errors import CaptureError

MIN_SIDE_PX = 16
MAX_SIDE_PX = 8192


def check_picture(pixels: NDArray[np.uint8], min_side_px: int = MIN_SIDE_PX) -> None:
    """Refuse anything but a uint8 (height, width) picture with sides of `min_side_px` to 8,192 px.

    Raises: CaptureError naming the shape and type that came.
    """
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2:
        kind = getattr(pixels, "dtype", type(pixels).__name__)
        raise CaptureError(
            f"a picture must be uint8 (height, width), got {kind} {getattr(pixels, 'shape', '')}",
            hint="give the luma plane alone, 8 bits a pixel",
        )
    if not all(min_side_px <= side <= MAX_SIDE_PX for side in pixels.shape):
        raise CaptureError(
            f"a picture of {pixels.shape[1]}x{pixels.shape[0]} px: each side must be"
            f" {min_side_px} to {MAX_SIDE_PX} px"
        )
