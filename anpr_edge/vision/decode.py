"""From the detector's maps to plates: numbers in, numbers out.

The maps lie on a grid of `stride` px cells over the model's input. Around each peak of the heat map
the neighbouring cells vote, weighted by their own heat, on box and corners: the average undoes most
of what int8 takes from a single cell's regression.
Source: our own study; end-to-end exact .731 → .741 (float .731 → .787) by averaging.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STRIDE_PX = 8
NMS_IOU = 0.5
VOTE_SHARE = 0.5
"""A neighbour votes when its score is at least this share of the peak's."""

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


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The cells of a map, row by row: `centres` float32 (cells, 2) as x y, in cells.

    `around` int (cells, 9) is each cell's neighbourhood, itself in the middle; at the edge the nearest cell
    stands where there is none, and `inside` bool (cells, 9) says so.
    """

    centres: Floats
    around: NDArray[np.intp]
    inside: NDArray[np.bool_]


_OWN = 4
"""A cell's own place in its neighbourhood."""


@lru_cache(maxsize=4)
def _grid(rows: int, cols: int) -> _Grid:
    row, col = (places.reshape(-1, 1) for places in np.mgrid[:rows, :cols])
    down, across = (steps.reshape(-1) for steps in np.mgrid[-1:2, -1:2])
    near_row, near_col = (row + down).clip(0, rows - 1), (col + across).clip(0, cols - 1)
    return _Grid(
        centres=np.hstack([col, row]).astype(np.float32) + np.float32(0.5),
        around=near_row * cols + near_col,
        inside=(near_row == row + down) & (near_col == col + across),
    )


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
    grid = _grid(*heat.shape[:2])
    flat = heat.reshape(-1)
    limit = math.log(threshold / (1 - threshold))
    hot = np.flatnonzero(flat >= limit)
    cells = hot[flat[hot] >= flat[grid.around[hot]].max(axis=1)]
    if not cells.size:
        return Decoded(*(np.zeros(shape, np.float32) for shape in ((0,), (0, 4), (0, 4, 2))))
    cells = cells[np.argsort(-flat[cells], kind="stable")[:MAX_PEAKS]]

    voters = grid.around[cells]
    weights = _sigmoid(flat[voters])
    scores = weights[:, _OWN].copy()
    weights *= grid.inside[cells] & (weights >= VOTE_SHARE * scores[:, np.newaxis])
    weights /= weights.sum(axis=1, keepdims=True)

    stride = np.float32(stride_px)
    log_sides = np.asarray(size.reshape(-1, 2)[voters], np.float64).clip(-_LOG_SIDE_LIMIT, _LOG_SIDE_LIMIT)
    sides: Floats = np.exp(log_sides).astype(np.float32) * stride
    centres: Floats = (grid.centres[voters] + offset.reshape(-1, 2)[voters]) * stride
    shape = corners.reshape(-1, 4, 2)[voters] + _UNIT_CORNERS
    quads = centres[:, :, np.newaxis] + shape * sides[:, :, np.newaxis]

    mean = _mean(np.concatenate([centres, sides, quads.reshape(*voters.shape, 8)], axis=2), weights)
    centre, half = mean[:, :2], mean[:, 2:4] / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    kept = suppress(boxes)
    return Decoded(scores[kept], boxes[kept], mean[kept, 4:].reshape(-1, 4, 2))


def suppress(boxes: Floats, iou: float = NMS_IOU) -> list[int]:
    """Which of float32 (n, 4) boxes, best first, no better one overlaps by more than `iou`."""
    kept: list[int] = []
    for index, box in enumerate(boxes):
        if all(_iou(box, boxes[better]) <= iou for better in kept):
            kept.append(index)
    return kept


def _mean(values: Floats, weights: Floats) -> Floats:
    """The weighted mean over the voters; in float64, whose rounding no processor's order of sums shows in."""
    wide = weights.astype(np.float64), values.astype(np.float64)
    return np.asarray(np.einsum("pv,pvk->pk", *wide), np.float32)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))), np.float32)


def _iou(a: Floats, b: Floats) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))
