"""A second, closer look at every plate found: finer corners, and fewer things taken for plates.

The detector sees the whole picture at less than half its size, where a distant plate is seven pixels
high. Around each find a small window is taken from the picture at its own resolution and searched again by a
second model; both scores together decide. A plate that leans is set upright and looked at once more, for its
corners alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Box, Detection, Point, Quad
from anpr_edge.seams import Detector
from anpr_edge.vision.detector import Network, TfliteDetector
from anpr_edge.vision.pixels import MAX_SIDE_PX
from anpr_edge.vision.tflite import TfliteModel

MODEL_NAME = "closeup"
PLATE_SHARE = 0.44
"""How wide the plate is in its window, over the window's width.
Source: our measurement on training and calibration pictures; exact reads of 590 at 0.35, 0.38, 0.41, 0.44,
0.47, 0.50: 573, 575, 578, 579, 578, 579; plates found of 887: 814, 816, 815, 814, 813, 813."""
HEIGHT_SHARE = 0.45
"""How high it may be there, over the window's height: two-row plates get a larger window."""
WINDOW_ASPECT = 0.62
"""Height over width of a window: the model's own sides, stretched as much as a 16:9 picture is."""
SAME_PLATE_IOU = 0.25
MIN_WINDOW_PX = 32
FIRST_LOOK_SCORE = 0.35
"""Score from which a find of the first look is worth a second, which costs a fifth as much.
Source: our measurement on training and calibration pictures, at a plate's share of 0.41: from 0.45 on 0.67
second looks a picture, not 0.86, and five of 887 plates fewer are found, four of 590 fewer read; from 0.3 on
1.05, and no more is found."""
SURE_SCORE = 0.6
LARGE_SHARE = 0.13
"""A find as sure as `SURE_SCORE` and as wide as this share of the picture is not looked at again.
Source: our measurement on training and calibration pictures: saves three second looks in ten and costs one
read of 590."""
LEANING = 0.14
"""A plate whose edges leave the level or the upright by more than this slope, 8 degrees, is looked at once
more, set upright, for its corners.
Source: our own choice; what it brings: models/EXPERIMENTS.md, "Plates that lean"."""
UNSEEN_SCORE = 0.02
"""What the second look counts when it finds nothing."""


@dataclass(frozen=True, slots=True)
class CloseUp:
    """A detector that looks twice; see `seams.Detector`.

    `first` should be generous: of what both find, what has a joint score of at least
    `score_min` is a plate. The joint score is the geometric mean of both.
    """

    first: Detector
    second: Detector
    score_min: float

    @classmethod
    def behind(cls, first: Detector, close: Network, score_min: float) -> CloseUp:
        """`first` with a `closeup` model behind it."""
        # No first score exceeds 1, so a second below the square of what is wanted can never be enough.
        return cls(first, TfliteDetector(close, max(UNSEEN_SCORE, score_min**2)), score_min)

    @property
    def model_id(self) -> str:
        """Both models' names, and the first half of each one's short checksum."""
        (first, _, checksum), (second, _, other) = (
            part.model_id.partition("+") for part in (self.first, self.second)
        )
        return f"{first}/{second}+{checksum[:4]}{other[:4]}"

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        """Plates in a uint8 (height, width) picture, best first; one look is enough for those `known`."""
        first = self.first.detect(pixels)
        there = [detection for detection in first if _is_one_of(known, detection.box)]
        twice = [self._again(pixels, detection) for detection in first if detection not in there]
        plates = _distinct([detection for detection in twice if detection.score >= self.score_min])
        return _distinct([*there, *(upright(self.second, pixels, plate) for plate in plates)])

    def _again(self, pixels: NDArray[np.uint8], detection: Detection) -> Detection:
        """The detection as the second look sees it; itself where one would show nothing new."""
        height, width = pixels.shape
        left, top, right, bottom = window_around(detection.box, width, height)
        large = detection.box.width >= LARGE_SHARE * width
        if (large and detection.score >= SURE_SCORE) or min(right - left, bottom - top) < MIN_WINDOW_PX:
            return detection
        found = self.second.detect(np.ascontiguousarray(pixels[top:bottom, left:right]))
        best = _best_at(detection.box, [_moved(one, left, top) for one in found])
        if best is None:
            return Detection(detection.box, detection.quad, (detection.score * UNSEEN_SCORE) ** 0.5)
        return Detection(best.box, best.quad, (detection.score * best.score) ** 0.5)


def upright(second: Detector, pixels: NDArray[np.uint8], plate: Detection) -> Detection:
    """The plate with the corners that `second` finds where it is set upright, if it leans; else as it is.

    All in plain floats, as in `rectify`: the same on every processor.
    """
    (along_x, along_y), (down_x, down_y) = _edges(plate.quad)
    if abs(along_y) <= LEANING * abs(along_x) and abs(down_x) <= LEANING * abs(down_y):
        return plate
    across = math.hypot(along_x, along_y)
    down = abs(along_x * down_y - along_y * down_x) / max(across, 1.0)
    wide = _window_width(across, down)
    width, height = round(wide), round(wide * WINDOW_ASPECT)
    if height < MIN_WINDOW_PX or width > MAX_SIDE_PX or down < 1:
        return plate
    axes = (along_x / across, down_x / down), (along_y / across, down_y / down)
    x, y = plate.quad.centre

    def back(place: Point) -> Point:
        right, below = place[0] - width / 2, place[1] - height / 2
        return x + axes[0][0] * right + axes[0][1] * below, y + axes[1][0] * right + axes[1][1] * below

    left, top = back((0.5, 0.5))
    from_window = np.array([(*axes[0], left - 0.5), (*axes[1], top - 0.5), (0, 0, 1)], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    window = cv2.warpPerspective(
        pixels, from_window, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    there = Box((width - across) / 2, (height - down) / 2, (width + across) / 2, (height + down) / 2)
    found = _best_at(there, second.detect(np.asarray(window, np.uint8)))
    return Detection(plate.box, Quad(*map(back, found.quad.points)), plate.score) if found else plate


def _edges(quad: Quad) -> tuple[Point, Point]:
    """The mean of its upper and its lower edge, and of its left and its right one, as vectors."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad.points
    return ((bx - ax + cx - dx) / 2, (by - ay + cy - dy) / 2), (
        (dx - ax + cx - bx) / 2,
        (dy - ay + cy - by) / 2,
    )


def _best_at(box: Box, found: Sequence[Detection]) -> Detection | None:
    """The surest of those that are at the box."""
    same = [one for one in found if one.box.iou(box) >= SAME_PLATE_IOU]
    return max(same, key=lambda one: one.score, default=None)


def load_detector(directory: Path | str, threads: int = 1, *, score_min: float | None = None) -> Detector:
    """The detector in a folder of models: two looks where there is a `closeup` model, else one.

    `score_min` replaces the threshold of the card that decides: the second look's, if there is one.
    Raises: ModelError when a model, its card or its checksum is not what it must be.
    """
    model = TfliteModel.load(directory, "detector", threads)
    close = close_up_model(directory, threads)
    if close is None:
        return TfliteDetector(model, score_min)
    wanted = close.card.threshold if score_min is None else score_min
    return CloseUp.behind(TfliteDetector(model, FIRST_LOOK_SCORE), close, wanted)


def load_close_up(directory: Path | str, threads: int = 1, *, score_min: float) -> Detector | None:
    """The second look alone, for windows that a plate is known to be in; None in a folder without one.

    Raises: ModelError when the model, its card or its checksum is not what it must be.
    """
    close = close_up_model(directory, threads)
    return None if close is None else TfliteDetector(close, score_min)


def close_up_model(directory: Path | str, threads: int = 1) -> TfliteModel | None:
    """The `closeup` model in a folder of models; None in one without.

    Raises: ModelError when the model, its card or its checksum is not what it must be.
    """
    if not (Path(directory) / f"{MODEL_NAME}.json").exists():
        return None
    return TfliteModel.load(directory, MODEL_NAME, threads)


def window_around(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The window for a second look at `box`, inside a picture of `width` x `height`: x0, y0, x1, y1.

    It keeps its size at the picture's edges, where the plate is then off its middle, and is never
    larger than the picture.
    """
    across = _window_width(box.width, box.height)
    window_width, window_height = min(round(across), width), min(round(across * WINDOW_ASPECT), height)
    x, y = box.centre
    left = min(max(0, round(x - window_width / 2)), width - window_width)
    top = min(max(0, round(y - window_height / 2)), height - window_height)
    return left, top, left + window_width, top + window_height


def _window_width(width: float, height: float) -> float:
    """How wide the window for a plate of this size is."""
    return max(width / PLATE_SHARE, height / HEIGHT_SHARE / WINDOW_ASPECT)


def _is_one_of(known: Sequence[Box], box: Box) -> bool:
    return any(box.iou(one) >= SAME_PLATE_IOU for one in known)


def _moved(detection: Detection, x: float, y: float) -> Detection:
    """A detection in a window as one in the picture the window was taken from."""
    box = detection.box
    corners = [(px + x, py + y) for px, py in detection.quad.points]
    return Detection(Box(box.x0 + x, box.y0 + y, box.x1 + x, box.y1 + y), Quad(*corners), detection.score)


def _distinct(detections: list[Detection]) -> list[Detection]:
    """Without those that turned out to be a better one's plate."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda one: -one.score):
        if all(detection.box.iou(better.box) <= 0.5 for better in kept):
            kept.append(detection)
    return kept
