"""Training pictures for the second look: windows of composed frames around what a first look may find.

The close-up network is the detector's own, over a smaller input: 192 x 128 px around one find, in which
the plate is a third to a half as wide as the picture. It places corners finely and tells plates from
what merely looked like one from afar.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from anpr_edge.records import Box
from anpr_edge.vision.closeup import MIN_WINDOW_PX, window_around
from anpr_edge.vision.detector import fit
from models.recipe.detector.frames import HEIGHT_PX, WIDTH_PX, Floats, LabelledFrame
from models.recipe.detector.leaning import leaning
from models.recipe.detector.pictures import Picture
from models.recipe.detector.windows import from_int8

CLOSE_HEIGHT_PX: Final = 128
CLOSE_WIDTH_PX: Final = 192
PLATE_SHARES: Final = (0.2, 0.72)
"""Widths of plates over the window's, as far as a first look's errors may take them."""
HEIGHT_SHARE: Final = 0.75
"""A plate higher than this share of the window does not fit."""
EMPTY_SHARE: Final = 0.35
"""Share of windows that look at no plate."""
PLACE_ERROR: Final = 0.22
"""How far off the window's middle a plate may be, over the window's sides."""
LEANING_SHARE: Final = 0.4
"""Share of windows at plates of known corners in which all leans about the plate."""
ROLL_DEG: Final = 25.0
SHEAR_DEG: Final = 20.0
"""How far it leans at most, either way: turned, and with its upright edges slanting besides."""


def random_close_up(rng: np.random.Generator, frame: LabelledFrame, finds: Floats) -> LabelledFrame | None:
    """A window of a frame around one of its plates, or around something else.

    `finds` float32 (n, 4) are boxes where a detector was wrong. None when the frame offers no window.
    """
    corner: tuple[int, int] | None
    if rng.random() < EMPTY_SHARE or not len(frame.boxes):
        corner = _corner_beside_plates(rng, finds)
    else:
        plate = int(rng.integers(len(frame.boxes)))
        if rng.random() < LEANING_SHARE and not np.isnan(frame.quads[plate]).any():
            roll_deg, shear_deg = rng.uniform(-1, 1, 2) * (ROLL_DEG, SHEAR_DEG)
            frame, plate = _about(frame, plate, float(roll_deg), float(shear_deg))
        corner = _corner_around(rng, frame.boxes[plate])
    return _cut(frame, corner) if corner is not None else None


def _about(frame: LabelledFrame, plate: int, roll_deg: float, shear_deg: float) -> tuple[LabelledFrame, int]:
    """The frame leaning about one of its plates, and where that plate then stands among its boxes."""
    x, y = frame.quads[plate].mean(axis=0).tolist()
    unknown_before = int(np.isnan(frame.quads[:plate]).any(axis=(1, 2)).sum())
    return leaning(frame, (x, y), roll_deg, shear_deg), plate - unknown_before


def plain_close_ups(picture: Picture) -> Iterator[LabelledFrame]:
    """A unit's second look at each plate of a picture whose corners are known."""
    height, width = picture.pixels.shape
    for box, quad in zip(picture.boxes, picture.quads, strict=True):
        left, top, right, bottom = window_around(Box(*box.tolist()), width, height)
        if np.isnan(quad).any() or min(right - left, bottom - top) < MIN_WINDOW_PX:
            continue
        fitted = fit(picture.pixels[top:bottom, left:right], (CLOSE_HEIGHT_PX, CLOSE_WIDTH_PX))
        scale = np.array([fitted.scale_x, fitted.scale_y], np.float32)
        inside = ((box.reshape(2, 2) - (left, top)) * scale).reshape(1, 4).astype(np.float32)
        corners = ((quad - (left, top)) * scale)[np.newaxis].astype(np.float32)
        yield LabelledFrame(from_int8(fitted.picture), inside, corners, inside[:0], False)


def _corner_around(rng: np.random.Generator, box: Floats) -> tuple[int, int] | None:
    width, height = box[2] - box[0], box[3] - box[1]
    low, high = (share * CLOSE_WIDTH_PX for share in PLATE_SHARES)
    if not low <= width <= high or height > HEIGHT_SHARE * CLOSE_HEIGHT_PX:
        return None
    return _corner(rng, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _corner_beside_plates(rng: np.random.Generator, finds: Floats) -> tuple[int, int]:
    """Around a wrong find where there is one, else anywhere."""
    if len(finds):
        box = finds[rng.integers(len(finds))]
        return _corner(rng, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    return _corner(rng, rng.uniform(0, WIDTH_PX), rng.uniform(0, HEIGHT_PX))


def _corner(rng: np.random.Generator, x: float, y: float) -> tuple[int, int]:
    """The window's top left so that (x, y) is near its middle, pushed into the frame."""
    off_x, off_y = rng.uniform(-PLACE_ERROR, PLACE_ERROR, 2) * (CLOSE_WIDTH_PX, CLOSE_HEIGHT_PX)
    left = int(np.clip(x + off_x - CLOSE_WIDTH_PX / 2, 0, WIDTH_PX - CLOSE_WIDTH_PX))
    top = int(np.clip(y + off_y - CLOSE_HEIGHT_PX / 2, 0, HEIGHT_PX - CLOSE_HEIGHT_PX))
    return left, top


def _cut(frame: LabelledFrame, corner: tuple[int, int]) -> LabelledFrame:
    """The window; plates that it shows only in part, or too small to be asked about, are ignored."""
    left, top = corner
    shift = np.array([left, top, left, top], np.float32)
    boxes, ignored = frame.boxes - shift, frame.ignored - shift
    edge = np.array([CLOSE_WIDTH_PX, CLOSE_HEIGHT_PX, CLOSE_WIDTH_PX, CLOSE_HEIGHT_PX], np.float32)
    seen = np.clip(boxes, 0, edge)
    area = (seen[:, 2] - seen[:, 0]) * (seen[:, 3] - seen[:, 1])
    whole = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    wide = boxes[:, 2] - boxes[:, 0] >= PLATE_SHARES[0] * CLOSE_WIDTH_PX * 0.8
    counted = (area >= 0.7 * whole) & wide
    doubtful = (area > 0) & ~counted
    return LabelledFrame(
        frame.pixels[top : top + CLOSE_HEIGHT_PX, left : left + CLOSE_WIDTH_PX],
        boxes[counted],
        frame.quads[counted] - shift[:2],
        np.concatenate([ignored, boxes[doubtful]]),
        frame.complete,
    )
