"""How an infrared camera sees a frame: lamp, darkness, bloom, blur, noise, compression.

Frames are `float32 (320, 448)` light, 1.0 just not saturated.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.recipe.detector.frames import HEIGHT_PX, WIDTH_PX, Floats

_INVERTED_SHARE: Final = 0.015


def night(rng: np.random.Generator, light: Floats, faces: Floats) -> Floats:
    """The same scene under an infrared lamp: dark, its plates (`faces` (n, 4, 2), no NaN) bright."""
    glow = np.zeros_like(light)
    for quad in faces:
        points = np.round(quad * 16).astype(np.int32)
        cv2.fillPoly(glow, [points], (1.0,), cv2.LINE_AA, 4)
    dark = light ** float(rng.uniform(1.0, 2.0)) * float(rng.uniform(0.08, 0.6)) + float(rng.uniform(0, 0.06))
    lit = np.clip(light * float(rng.uniform(0.7, 1.8)) + float(rng.uniform(-0.1, 0.15)), 0, 1.6)
    return np.asarray(dark * (1 - glow) + lit * glow, np.float32)


def lamps(rng: np.random.Generator, light: Floats, boxes: Floats) -> None:
    """Head or tail lamps with their halos, some right beside a plate; changes `light`."""
    ys, xs = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
    for _ in range(int(rng.integers(1, 7))):
        x, y = rng.uniform(0, WIDTH_PX), rng.uniform(0, HEIGHT_PX)
        size = float(np.exp(rng.uniform(np.log(1.5), np.log(9))))
        if len(boxes) and rng.random() < 0.5:
            x0, y0, x1, y1 = boxes[rng.integers(len(boxes))]
            side = rng.choice([-1, 1]) * rng.uniform(0.9, 2.2)
            x, y = (x0 + x1) / 2 + side * (x1 - x0), (y0 + y1) / 2 - rng.uniform(-0.5, 2) * (y1 - y0)
            size = float(x1 - x0) * float(rng.uniform(0.05, 0.2))
        distance = ((xs - x) ** 2 + (ys - y) ** 2) / size**2
        light += float(rng.uniform(0.6, 2.0)) * np.exp(-distance)
        light += float(rng.uniform(0.02, 0.3)) / (1 + distance / float(rng.uniform(4, 30)))


def expose(rng: np.random.Generator, light: Floats) -> NDArray[np.uint8]:
    """One shot: uint8 (320, 448)."""
    if rng.random() < 0.35:
        light = light + float(rng.uniform(0.1, 0.8)) * _halo(light, float(rng.uniform(1.0, 6.0)))
    if rng.random() < 0.3:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), float(rng.uniform(0.4, 1.1))), np.float32)
    if rng.random() < 0.15:
        light = _smear(rng, light)
    if rng.random() < 0.5:
        light = np.clip(light, 0, None) ** float(rng.uniform(0.6, 1.6))
        light = float(rng.uniform(0, 0.25)) + light * float(rng.uniform(0.4, 1.2))
    if rng.random() < 0.15:
        light = light * _vignette(rng)
    if rng.random() < 0.5:
        grain = rng.standard_normal(light.shape, np.float32) * float(np.exp(rng.uniform(-5.3, -2.9)))
        light = light + (cv2.GaussianBlur(grain, (0, 0), 0.8) * 1.8 if rng.random() < 0.3 else grain)
    if rng.random() < _INVERTED_SHARE:
        light = 1 - light
    pixels = np.asarray(np.clip(light, 0, 1) * 255, np.uint8)
    return _compressed(rng, pixels) if rng.random() < 0.3 else pixels


def _halo(light: Floats, radius_px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(np.clip(light - 0.75, 0, 1.5), (0, 0), radius_px), np.float32)


def _smear(rng: np.random.Generator, light: Floats) -> Floats:
    """Motion during the exposure, mostly across."""
    length = int(rng.integers(2, 6))
    kernel = np.zeros((length, length), np.float32)
    slope = int(rng.integers(0, length))
    cv2.line(kernel, (0, slope), (length - 1, length - 1 - slope), (1.0,), 1, cv2.LINE_AA)
    return np.asarray(cv2.filter2D(light, -1, kernel / kernel.sum()), np.float32)


def _vignette(rng: np.random.Generator) -> Floats:
    ys = np.linspace(-1, 1, HEIGHT_PX, dtype=np.float32)[:, np.newaxis]
    xs = np.linspace(-1, 1, WIDTH_PX, dtype=np.float32)
    return np.asarray(1 - float(rng.uniform(0.1, 0.4)) * (xs**2 + ys**2), np.float32)


def _compressed(rng: np.random.Generator, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    _, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
