"""How sharp a picture is: of the plates in it, and of the scene while there is none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Quad
from anpr_edge.vision.rectify import rectify, sharpness, stretch_contrast

PATCH_SHAPE = (40, 144)
"""A plate is looked at straight on in this size, (height, width), so that a near one and a far one compare."""
TILE_PX = 48
TILES_ACROSS, TILES_DOWN = 8, 5
"""This many tiles, spread evenly, stand for the scene."""
BEST_SHARE = 0.25
"""The scene is as sharp as the sharpest quarter of its tiles: sky and asphalt have nothing to be sharp."""
MIN_CONTRAST_GREY = 6.0
"""A tile whose grey spreads less is even surface and noise. Source: the noise of the rendered night is 2 to 4."""
NOISE_BLUR_PX = 0.8


def plate_sharpness(pixels: NDArray[np.uint8], quad: Quad) -> float:
    """How crisp the plate inside `quad` is; see `rectify.sharpness` for what the figure means."""
    return sharpness(stretch_contrast(rectify(pixels, quad, PATCH_SHAPE)))


def scene_sharpness(pixels: NDArray[np.uint8]) -> float | None:
    """How crisp the scene is, without a unit; None when there is nothing in it to be sharp.

    The gradient's energy at the finest detail over that of contrast at all, so that a darker picture of
    the same scene is as sharp.
    """
    found = sorted(ratio for tile in _tiles(pixels) if (ratio := _crispness(tile)) is not None)
    if not found:
        return None
    best = found[-max(1, round(len(found) * BEST_SHARE)) :]
    return float(np.mean(best))


def _tiles(pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    height, width = pixels.shape
    side = min(TILE_PX, height, width)
    xs = np.linspace(0, width - side, TILES_ACROSS).astype(int).tolist()
    ys = np.linspace(0, height - side, TILES_DOWN).astype(int).tolist()
    return [pixels[y : y + side, x : x + side] for y in ys for x in xs]


def _crispness(tile: NDArray[np.uint8]) -> float | None:
    grey = cv2.GaussianBlur(tile.astype(np.float32), (0, 0), NOISE_BLUR_PX)
    spread = float(grey.std())
    if spread < MIN_CONTRAST_GREY:
        return None
    steps = float(np.square(np.diff(grey, axis=0)).mean() + np.square(np.diff(grey, axis=1)).mean())
    return steps / spread**2
