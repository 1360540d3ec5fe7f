"""What lens and sensor add to a scene: vignette, blur, halation and noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_READ_NOISE = 1.1
_SHOT_NOISE = 0.022
_LENS_BLUR_PX = 0.62
_VIGNETTE_AT_CORNER = 0.68
_HALO_SHARE = 0.09
_HALO_FINER = 8
_NOISY_ROADS = 10


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the picture that changed: x0 ≤ x < x1, y0 ≤ y < y1, whole pixels."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the window in a picture array."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def overlaps(self, other: Window) -> bool:
        """Whether the two share a pixel."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def within(self, other: Window) -> Window | None:
        """The part of it inside the other; None when there is none."""
        if not self.overlaps(other):
            return None
        return Window(
            max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1)
        )

    def union(self, other: Window) -> Window:
        """The smallest window around both."""
        return Window(
            min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1)
        )


class CameraLook:
    """One camera's lens and sensor; `gain` is linear, as AnalogueGain is.

    `veil` is the share of contrast that the air takes, drawing everything toward `veil_grey`.
    Noise follows the generator given to each call, so the same frame can be had twice.
    """

    def __init__(
        self,
        width: int,
        height: int,
        gain: float,
        rng: np.random.Generator,
        *,
        veil: float = 0.0,
        veil_grey: float = 0.0,
    ) -> None:
        self.vignette = _vignette(width, height)
        self._read_variance = (_READ_NOISE * gain**0.5) ** 2
        self._shot_variance = _SHOT_NOISE * gain
        self._veil, self._veil_grey = veil, veil_grey
        self._noise = rng.standard_normal((height + 64, width + 64), np.float32)

    def still_frames(self, scene: Floats, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
        """A handful of exposures of a scene in which nothing moves, uint8 (H, W)."""
        height, width = scene.shape
        whole = Window(0, 0, width, height)
        lit = self._through_lens(scene * self.vignette, 0.0)
        return [self._expose(lit, whole, rng) for _ in range(_NOISY_ROADS)]

    def develop(
        self, scene: Floats, window: Window, blur_px: float, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """The window's part of a frame, uint8; `blur_px` is how far things moved down during the shutter."""
        lit = self._through_lens(scene * self.vignette[window.slices], blur_px)
        return self._expose(lit, window, rng)

    def _through_lens(self, scene: Floats, blur_px: float) -> Floats:
        across = np.asarray(cv2.getGaussianKernel(5, _LENS_BLUR_PX).ravel(), np.float32)
        down = _with_motion(across, blur_px)
        filtered = cv2.sepFilter2D(scene, cv2.CV_32F, across, down, borderType=cv2.BORDER_REPLICATE)
        sharp = np.asarray(filtered, np.float32)
        lit = sharp + _halo(sharp)
        return lit * (1 - self._veil) + self._veil * self._veil_grey if self._veil else lit

    def _expose(self, lit: Floats, window: Window, rng: np.random.Generator) -> NDArray[np.uint8]:
        spread = np.sqrt(np.clip(lit, 0, 255) * self._shot_variance + self._read_variance)
        dy, dx = rng.integers(0, 64, 2)
        noise = self._noise[window.y0 + dy : window.y1 + dy, window.x0 + dx : window.x1 + dx]
        return cv2.add(lit, spread * noise, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def _vignette(width: int, height: int) -> Floats:
    x = (np.arange(width, dtype=np.float32) - width / 2) / (width / 2)
    y = (np.arange(height, dtype=np.float32) - height / 2) / (width / 2)
    radius_sq = x[None, :] ** 2 + y[:, None] ** 2
    corner_sq = 1 + (height / width) ** 2
    return (1 - (1 - _VIGNETTE_AT_CORNER) * radius_sq / corner_sq).astype(np.float32)


def _with_motion(kernel: NDArray[np.float32], blur_px: float) -> NDArray[np.float32]:
    """The blur of an even movement over `blur_px` added to a lens kernel."""
    half = int(np.ceil(blur_px / 2))
    at = np.arange(-half, half + 1)
    cover = np.clip(blur_px / 2 - np.abs(at) + 0.5, 0, 1) if blur_px > 0 else np.ones(1)
    mixed = np.convolve(kernel, cover / cover.sum())
    return mixed.astype(np.float32)


def _halo(scene: Floats) -> Floats:
    """Light scattered around what is brighter than the sensor can take, and a little around all else."""
    height, width = scene.shape
    small = cv2.resize(
        scene, (max(1, width // _HALO_FINER), max(1, height // _HALO_FINER)), interpolation=cv2.INTER_AREA
    )
    bright = np.maximum(small - 90, 0)
    spread = cv2.GaussianBlur(bright, (0, 0), 2.5)
    wide = cv2.resize(spread, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide * _HALO_SHARE, np.float32)
