"""A labelled frame that leans: a camera or a plate hangs askew."""

from __future__ import annotations

import math

import cv2
import numpy as np

from anpr_edge.records import Point
from anpr_edge.vision.detector import PADDING_GREY
from models.recipe.detector.frames import Floats, LabelledFrame
from models.recipe.detector.pictures import boxes_of_quads


def leaning(
    frame: LabelledFrame, about: Point, roll_deg: float, shear_deg: float = 0.0, *, grey: int = PADDING_GREY
) -> LabelledFrame:
    """The frame turned clockwise about a point, what was upright there slanting to the left.

    `grey` is what comes in from outside. A plate whose corners nobody knows has no upright box any more: it
    is ignored from then on, and the others keep their order.
    """
    roll, shear = math.radians(roll_deg), math.radians(shear_deg)
    turn = np.array([(math.cos(roll), -math.sin(roll)), (math.sin(roll), math.cos(roll))])
    turn = turn @ ((1, math.tan(shear)), (0, 1))
    middle = np.array(about)
    lean = np.column_stack([turn, middle - turn @ middle]).astype(np.float32)
    lean_of_px = np.column_stack([turn, middle - 0.5 - turn @ (middle - 0.5)])
    height, width = frame.pixels.shape
    pixels = cv2.warpAffine(frame.pixels, lean_of_px, (width, height), borderValue=(grey,))
    known = ~np.isnan(frame.quads).any(axis=(1, 2))
    quads = _moved(frame.quads[known], lean)
    areas = np.concatenate([frame.ignored, frame.boxes[~known]])
    ignored = _moved(areas[:, [[0, 1], [2, 1], [2, 3], [0, 3]]], lean)
    around = np.concatenate([ignored.min(axis=1), ignored.max(axis=1)], axis=1)
    return LabelledFrame(np.asarray(pixels, np.uint8), boxes_of_quads(quads), quads, around, frame.complete)


def _moved(points: Floats, lean: Floats) -> Floats:
    """Points (n, 4, 2) through an affine map (2, 3)."""
    return np.asarray(points @ lean[:, :2].T + lean[:, 2], np.float32)
