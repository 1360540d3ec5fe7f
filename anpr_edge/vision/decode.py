"""From the detector's maps to plates: numbers in, numbers out.

The maps lie on a grid of `stride` px cells over the model's input. Around each peak of the heat map
the neighbouring cells vote, weighted by their own heat, on box and corners: the average undoes most
of what int8 takes from a single cell's regression.
Source: shared model study §3, end-to-end exact .731 → .741 (float .731 → .787) by averaging.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STRIDE_PX = 8
NMS_IOU = 0.5
VOTE_SHARE = 0.5
"""A neighbour votes when its score is at least this share of the peak's."""

_AROUND = np.array([(row, col) for row in (-1, 0, 1) for col in (-1, 0, 1)])
_SQUARE = np.ones((3, 3), np.uint8)
_UNIT_CORNERS = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)], np.float32)
MAX_PEAKS = 64
"""More peaks than this in one picture are noise: only the best are looked at."""
_LOG_SIDE_LIMIT = 5.0
"""exp(5) cells of 8 px is 1,187 px, wider than any input: keeps a wild output finite."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Plates in model-input px, best first.

    `scores` float32 (n,), `boxes` float32 (n, 4) as x0 y0 x1 y1, `quads` float32 (n, 4, 2) clockwise
    from the plate's own top left.
    """

    scores: Floats
    boxes: Floats
    quads: Floats


def decode(
    heat: Floats,
    offset: Floats,
    size: Floats,
    corners: Floats,
    threshold: float,
    *,
    stride_px: int = STRIDE_PX,
) -> Decoded:
    """The plates in one picture's maps whose score is at least `threshold`.

    `heat` float32 (rows, cols[, 1]) logits; `offset` and `size` (rows, cols, 2); `corners`
    (rows, cols, 8). A map without a hot cell costs one pass over `heat`.
    """
    heat = heat.reshape(heat.shape[:2])
    limit = np.log(threshold / (1 - threshold))
    if heat.max() < limit:
        return Decoded(*(np.zeros(shape, np.float32) for shape in ((0,), (0, 4), (0, 4, 2))))
    peaks = np.argwhere((heat >= limit) & (heat >= cv2.dilate(heat, _SQUARE)))
    scores = _sigmoid(heat[peaks[:, 0], peaks[:, 1]])
    order = np.argsort(-scores, kind="stable")[:MAX_PEAKS]
    peaks, scores = peaks[order], scores[order]

    rows, cols, weights = _votes(heat, peaks, scores)
    stride, log_sides = np.float32(stride_px), size[rows, cols].clip(-_LOG_SIDE_LIMIT, _LOG_SIDE_LIMIT)
    cells = np.stack([cols, rows], axis=-1).astype(np.float32) + np.float32(0.5)
    centres: Floats = (cells + offset[rows, cols]) * stride
    sides: Floats = np.exp(log_sides.astype(np.float64)).astype(np.float32) * stride
    shape = corners[rows, cols].reshape(*rows.shape, 4, 2) + _UNIT_CORNERS
    quads = centres[:, :, np.newaxis] + shape * sides[:, :, np.newaxis]

    centre, side = _mean(centres, weights), _mean(sides, weights)
    boxes = np.concatenate([centre - side / 2, centre + side / 2], axis=1)
    kept = suppress(boxes)
    return Decoded(scores[kept], boxes[kept], _mean(quads, weights)[kept])


def suppress(boxes: Floats, iou: float = NMS_IOU) -> list[int]:
    """Which of float32 (n, 4) boxes, best first, no better one overlaps by more than `iou`."""
    kept: list[int] = []
    for index, box in enumerate(boxes):
        if all(_iou(box, boxes[better]) <= iou for better in kept):
            kept.append(index)
    return kept


def _votes(
    heat: Floats, peaks: NDArray[np.intp], scores: Floats
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Rows, columns and weights, each (peaks, 9), of the cells around each peak."""
    around = peaks[:, np.newaxis] + _AROUND
    limit = np.array(heat.shape) - 1
    inside = ((around >= 0) & (around <= limit)).all(axis=2)
    around = np.clip(around, 0, limit)
    rows, cols = around[..., 0], around[..., 1]
    weights = _sigmoid(heat[rows, cols])
    weights *= inside & (weights >= VOTE_SHARE * scores[:, np.newaxis])
    return rows, cols, weights / weights.sum(axis=1, keepdims=True)


def _mean(values: Floats, weights: Floats) -> Floats:
    """The weighted mean over the voters; in float64, whose rounding no processor's order of sums shows in."""
    wide = weights.astype(np.float64), values.astype(np.float64)
    return np.asarray(np.einsum("pv,pv...->p...", *wide), np.float32)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))), np.float32)


def _iou(a: Floats, b: Floats) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))
