"""How well decoded maps agree with labels: recall, false boxes, corner error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anpr_edge.vision.decode import decode
from models.recipe.detector.frames import Floats, LabelledFrame

Maps = tuple[Floats, Floats, Floats, Floats]
"""heat, offset, size and corners of one picture, each float32 (rows, cols, channels)."""

MATCH_IOU: Final = 0.5
WORKING_THRESHOLD: Final = 0.35
"""Score from which a find counts while training is watched; the card's own is chosen at export."""


@dataclass(frozen=True)
class Score:
    """Figures over a set of frames at one threshold; errors are medians, in plate heights."""

    plates: int
    recall: float
    false_per_picture: float
    mean_iou: float
    corner_error: float

    def __str__(self) -> str:
        return (
            f"recall {self.recall:.3f} of {self.plates}, false {self.false_per_picture:.3f} a picture, "
            f"IoU {self.mean_iou:.3f}, corners {self.corner_error:.3f}"
        )


def score(
    answers: Sequence[Maps], frames: Sequence[LabelledFrame], threshold: float = WORKING_THRESHOLD
) -> Score:
    """The figures for maps that were answered for labelled frames."""
    matched: list[float] = []
    errors: list[float] = []
    plates = false = 0
    for maps, frame in zip(answers, frames, strict=True):
        found = decode(*maps, threshold)
        overlap = ious(frame.boxes, found.boxes)
        plates += len(frame.boxes)
        for plate, row in enumerate(overlap):
            if len(row) and row.max() >= MATCH_IOU:
                matched.append(float(row.max()))
                quad = frame.quads[plate]
                if not np.isnan(quad).any():
                    errors.append(corner_error(found.quads[int(row.argmax())], quad))
        if len(found.boxes):
            on_plate = overlap.max(axis=0, initial=0) >= MATCH_IOU
            ignored = _covered(found.boxes, frame.ignored)
            false += int((~on_plate & ~ignored).sum())
    return Score(
        plates=plates,
        recall=len(matched) / max(1, plates),
        false_per_picture=false / max(1, len(frames)),
        mean_iou=float(np.mean(matched)) if matched else 0.0,
        corner_error=float(np.median(errors)) if errors else float("nan"),
    )


def ious(left: Floats, right: Floats) -> Floats:
    """Intersection over union of boxes (n, 4) and (m, 4), as (n, m)."""
    low = np.maximum(left[:, np.newaxis, :2], right[np.newaxis, :, :2])
    high = np.minimum(left[:, np.newaxis, 2:], right[np.newaxis, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (left, right)]
    return np.asarray(shared / (areas[0][:, np.newaxis] + areas[1] - shared + 1e-9), np.float32)


def corner_error(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Mean distance between corners (4, 2), in plate heights."""
    height = (np.linalg.norm(truth[3] - truth[0]) + np.linalg.norm(truth[2] - truth[1])) / 2
    return float(np.linalg.norm(found - truth, axis=1).mean() / height)


def _covered(boxes: Floats, ignored: Floats) -> NDArray[np.bool_]:
    """Which boxes have their centre in an ignored area."""
    centres = (boxes[:, np.newaxis, :2] + boxes[:, np.newaxis, 2:]) / 2
    inside = (centres >= ignored[:, :2]) & (centres <= ignored[:, 2:])
    return np.asarray(inside.all(axis=2).any(axis=1))
