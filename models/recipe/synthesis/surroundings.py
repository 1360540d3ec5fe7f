"""What is around a plate, and what is not a plate at all: bodywork, holders, clutter, signs, overlays."""

from __future__ import annotations

import cv2
import numpy as np

from models.recipe.synthesis.furniture import Reflectance, random_words


def bodywork(rng: np.random.Generator, height: int, width: int) -> Reflectance:
    """A patch of car around a plate: smooth shading, edges, lamps, sometimes lettering."""
    grid = rng.random((int(rng.integers(2, 6)), int(rng.integers(2, 10)))).astype(np.float32)
    patch = np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    patch *= np.float32(rng.uniform(0.1, 0.9))
    for _ in range(int(rng.integers(0, 5))):
        ends = rng.uniform(-0.1, 1.1, 4) * (width, height, width, height)
        start, stop = (int(ends[0]), int(ends[1])), (int(ends[2]), int(ends[3]))
        thick = int(rng.integers(1, max(2, height // 6)))
        cv2.line(patch, start, stop, (float(rng.random()),), thick, cv2.LINE_AA)
    if rng.random() < 0.15:
        _letter(rng, patch, random_words(rng, 3, 12))
    return patch


def holder(rng: np.random.Generator, face: Reflectance) -> Reflectance:
    """The plate in a plate holder: a frame, often with the dealer's name along the bottom."""
    side, top = int(rng.integers(2, 10)), int(rng.integers(2, 10))
    bottom = int(rng.integers(4, 26))
    tone = float(rng.uniform(0, 0.5) if rng.random() < 0.8 else rng.uniform(0.5, 1))
    border = cv2.BORDER_CONSTANT
    framed = np.asarray(cv2.copyMakeBorder(face, top, bottom, side, side, border, value=(tone,)), np.float32)
    if bottom > 10 and rng.random() < 0.7:
        strip = framed[-bottom:]
        _letter(rng, strip, random_words(rng, 6, 26), tone=tone + (0.5 if tone < 0.5 else -0.5))
    return framed


def non_plate(rng: np.random.Generator, height: int, width: int) -> Reflectance:
    """A patch a detector may take for a plate: grilles, vents, rows of lamps, road signs, smeared plates."""
    patch = bodywork(rng, height, width)
    kind = int(rng.integers(5))
    if kind == 0:
        period = max(2, int(width * rng.uniform(0.03, 0.15)))
        patch[:, np.arange(width) % period < period * rng.uniform(0.2, 0.7)] *= float(rng.uniform(0.1, 0.7))
    elif kind == 1:
        period = max(2, int(height * rng.uniform(0.1, 0.4)))
        patch[np.arange(height) % period < period * rng.uniform(0.2, 0.7)] *= float(rng.uniform(0.1, 0.7))
    elif kind == 2:
        patch[:] = float(rng.uniform(0.5, 1))
        patch[: height // 8] = patch[-height // 8 :] = float(rng.uniform(0, 0.4))
    elif kind == 3:
        for _ in range(int(rng.integers(2, 9))):
            centre = (int(rng.integers(width)), int(rng.integers(height)))
            radius = int(rng.integers(2, max(3, height // 3)))
            cv2.circle(patch, centre, radius, (float(rng.random()),), int(rng.choice([-1, 2])), cv2.LINE_AA)
    return np.clip(patch, 0, 1).astype(np.float32)


def _letter(rng: np.random.Generator, patch: Reflectance, words: str, tone: float | None = None) -> None:
    height, width = patch.shape
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX]))
    (text_width, text_height), _ = cv2.getTextSize(words, font, 1.0, 1)
    scale = min(height * 0.7 / text_height, width * 0.9 / text_width)
    origin = (int(rng.uniform(0, 0.2) * width), int(height * 0.8))
    colour = (float(rng.random()) if tone is None else tone,)
    cv2.putText(patch, words, origin, font, scale, colour, 1, cv2.LINE_AA)
