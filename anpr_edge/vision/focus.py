"""How sharp a picture is: of the plates in it, and of the scene while there is none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Quad
from anpr_edge.vision.rectify import rectify, sharpness, stretch_contrast

PATCH_SHAPE = (40, 144)
"""A plate is looked at straight on in this size, (height, width): a near one and a far one compare."""
TILE_PX = 48
TILES_ACROSS, TILES_DOWN = 8, 5
"""This many tiles, spread evenly, stand for the scene."""
MIN_CONTRAST_GREY = 6.0
"""A tile whose grey spreads less is even surface and noise: the rendered night's is 2 to 4."""
NOISE_BLUR_PX = 0.8
STILL_STEP_PX = 4
STILL_FACTOR, STILL_GREY = 3.0, 2.0
"""A tile that changed by more than this many times what the middle one did, and these greys, has something
driving through it. When the lens is turned all of them change alike, and all count."""


def plate_sharpness(pixels: NDArray[np.uint8], quad: Quad) -> float:
    """How crisp the plate inside `quad` is; see `rectify.sharpness` for what the figure means."""
    return sharpness(stretch_contrast(rectify(pixels, quad, PATCH_SHAPE)))


class SceneFocus:
    """How crisp the scene is, frame after frame; what drives through it is no change of focus."""

    def __init__(self) -> None:
        self._before: NDArray[np.int16] | None = None

    def look(self, pixels: NDArray[np.uint8]) -> float | None:
        """The scene in a uint8 (height, width) picture; None when there is nothing in it to be sharp."""
        tiles = _tiles(pixels)
        now = np.array([tile[::STILL_STEP_PX, ::STILL_STEP_PX] for tile in tiles], np.int16)
        change = np.zeros(len(tiles))
        if self._before is not None and self._before.shape == now.shape:
            change = np.abs(now - self._before).mean(axis=(1, 2))
        self._before = now
        still = change <= STILL_FACTOR * float(np.median(change)) + STILL_GREY
        return scene_sharpness([tile for tile, stays in zip(tiles, still, strict=True) if stays])


def scene_sharpness(tiles: list[NDArray[np.uint8]]) -> float | None:
    """How crisp these pieces of a picture are, without a unit; None when nothing in them can be sharp.

    The gradient's energy at the finest detail over that of contrast at all: a darker picture of the same
    scene is as sharp, and strong edges count for more than faint ones, which noise is too.
    """
    found = [energies for tile in tiles if (energies := _energies(tile)) is not None]
    return sum(steps for steps, _ in found) / sum(contrast for _, contrast in found) if found else None


def _tiles(pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    height, width = pixels.shape
    side = min(TILE_PX, height, width)
    xs = np.linspace(0, width - side, TILES_ACROSS).astype(int).tolist()
    ys = np.linspace(0, height - side, TILES_DOWN).astype(int).tolist()
    return [pixels[y : y + side, x : x + side] for y in ys for x in xs]


def _energies(tile: NDArray[np.uint8]) -> tuple[float, float] | None:
    """Of the steps from pixel to pixel, and of contrast at all; None in a tile without any."""
    grey = cv2.GaussianBlur(tile.astype(np.float32), (0, 0), NOISE_BLUR_PX)
    contrast = float(grey.var())
    if contrast < MIN_CONTRAST_GREY**2:
        return None
    return float(np.square(np.diff(grey, axis=0)).mean() + np.square(np.diff(grey, axis=1)).mean()), contrast
