"""Any picture OpenCV hands over, as the 8-bit grey the rest of the unit works on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Sensors with 10, 12 or 14 bits are often stored right-aligned in 16: the brightest pixel tells.
_DEPTHS = (10, 12, 14, 16)


def to_luma(picture: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey, BGR, BGRA or packed YUYV of 8 or 16 bits as contiguous uint8 (H, W).

    Raises: ValueError naming the type and shape of anything else.
    """
    if picture.dtype == np.uint16:
        picture = _eight_bits(picture)
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or picture.size == 0:
        raise ValueError(f"{picture.dtype} {picture.shape} is not a picture of 8 or 16 bits")
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    if channels in (3, 4):
        code = cv2.COLOR_BGR2GRAY if channels == 3 else cv2.COLOR_BGRA2GRAY
        return np.asarray(cv2.cvtColor(picture.astype(np.uint8, copy=False), code), np.uint8)
    if channels > 2:
        raise ValueError(f"a picture of {channels} channels is neither grey nor colour")
    plane = picture if picture.ndim == 2 else picture[..., 0]  # YUYV: every other byte is luma
    return np.ascontiguousarray(plane, np.uint8)


def _eight_bits(picture: NDArray[np.generic]) -> NDArray[np.generic]:
    """The eight highest bits in use."""
    used = int(picture.max()).bit_length() if picture.size else 0
    depth = next(bits for bits in _DEPTHS if used <= bits)
    return np.right_shift(picture, depth - 8).astype(np.uint8)
