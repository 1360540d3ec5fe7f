"""What comes between road and camera: rain, a pole that sways, the headlights of traffic out of sight."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_LAYERS: Final = 4
_SPARE_PX: Final = 160
_STREAKS_A_MEGAPIXEL: Final = 420
_LENS_DROPS_A_MEGAPIXEL: Final = 14
_SWEEP_EVERY_S: Final = 4.0
_SWEEP_LASTS_S: Final = 1.3
_SWEEP_UNIT: Final = 64
_SWAYS_HZ: Final = ((1.7, 4.1), (2.3, 5.3))
"""Two frequencies across and two up and down. Source: our own judgement of a 5 m pole in wind."""


class Rain:
    """Streaks of lit drops, another set in each frame; `amount` 1 is a downpour."""

    def __init__(self, width: int, height: int, amount: float, rng: np.random.Generator) -> None:
        shape = height + _SPARE_PX, width + _SPARE_PX
        self._layers = [_streaks(shape, amount, rng) for _ in range(_LAYERS)]

    def over(self, picture: Picture, rng: np.random.Generator) -> Picture:
        """The uint8 (H, W) picture with this frame's drops."""
        layer = self._layers[rng.integers(len(self._layers))]
        y, x = rng.integers(0, _SPARE_PX, 2)
        height, width = picture.shape
        return np.asarray(cv2.add(picture, layer[y : y + height, x : x + width]), np.uint8)


def _streaks(shape: tuple[int, int], amount: float, rng: np.random.Generator) -> Picture:
    """Thin streaks at every distance, and a few broad faint ones close to the lens."""
    layer = np.zeros(shape, np.uint8)
    area = shape[0] * shape[1] / 1e6 * amount
    kinds = ((_STREAKS_A_MEGAPIXEL, (8, 48), (14, 60), 1), (_LENS_DROPS_A_MEGAPIXEL, (60, 160), (8, 22), 5))
    for often, lengths, greys, thick in kinds:
        for _ in range(round(often * area)):
            x, y = rng.integers(0, shape[1]), rng.integers(0, shape[0])
            length, grey = rng.integers(*lengths), rng.integers(*greys)
            end = int(x + 0.12 * length), int(y + length)
            cv2.line(layer, (int(x), int(y)), end, (int(grey),), thick, cv2.LINE_AA)
    return layer


class Sweep:
    """A pool of light that crosses the road every few seconds, as headlights in a bend throw it."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        x = np.linspace(-1, 1, width, dtype=np.float32)
        y = np.linspace(-1, 1, height, dtype=np.float32)
        pool = np.exp(-(x[None, :] ** 2) * 6 - (y[:, None] ** 2) * 1.5)
        wide = np.zeros((height, 3 * width), np.float32)
        wide[:, width : 2 * width] = pool
        self._pool = np.round(wide * 1.4 * _SWEEP_UNIT).astype(np.uint8)

    def over(self, picture: Picture, time_s: float) -> Picture:
        """The uint8 (H, W) picture under this moment's light; itself while none passes."""
        passed = (time_s % _SWEEP_EVERY_S) / _SWEEP_LASTS_S
        if passed >= 1:
            return picture
        left = round(2 * self._width * (1 - passed))
        pool = self._pool[:, left : left + self._width]
        lit = cv2.multiply(picture, np.ascontiguousarray(pool), scale=1 / _SWEEP_UNIT)
        return np.asarray(cv2.add(picture, lit), np.uint8)


class Shake:
    """A camera that sways by up to `amplitude_px` in both directions."""

    def __init__(self, amplitude_px: float, rng: np.random.Generator) -> None:
        self._amplitude_px = amplitude_px
        self._phases = rng.uniform(0, 2 * math.pi, (2, 2))

    def offset_px(self, time_s: float) -> tuple[float, float]:
        """How far right and down everything in the picture has moved."""
        x, y = (self._sway(axis, time_s) for axis in (0, 1))
        return x, y

    def over(self, picture: Picture, time_s: float) -> Picture:
        """The uint8 (H, W) picture moved to where it is at this moment."""
        x, y = self.offset_px(time_s)
        move = np.array([[1, 0, x], [0, 1, y]], np.float32)
        size = picture.shape[1], picture.shape[0]
        return np.asarray(cv2.warpAffine(picture, move, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)

    def _sway(self, axis: int, time_s: float) -> float:
        waves = zip(_SWAYS_HZ[axis], self._phases[axis], (0.7, 0.3), strict=True)
        return self._amplitude_px * sum(
            share * math.sin(2 * math.pi * hz * time_s + phase) for hz, phase, share in waves
        )
