"""What the network should answer: plates to maps, the inverse of `anpr_edge.vision.decode`.

Around each plate's centre the heat falls off as a Gaussian. The nine cells about the centre learn
offset, size and corners, because decoding averages over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.recipe.detector.frames import LabelledFrame

Floats = NDArray[np.float32]

OUTPUTS: Final = {"heat": 1, "offset": 2, "size": 2, "corners": 8}
"""The network's maps and their channels, in the order it gives them."""
STRIDE_PX: Final = 8
HEAT_SPREAD: Final = (0.16, 0.24)
"""The Gaussian's standard deviation over the box's width and height."""
MIN_SPREAD_PX: Final = 4.5
MIN_VOTE: Final = 0.25
"""Weight in the regression losses of a cell beside the centre, at least."""
_UNIT_CORNERS: Final = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)], np.float32)


@dataclass(frozen=True, eq=False)
class Targets:
    """Maps for one batch, all float32 (batch, channels, rows, cols).

    `heat` is 1 in a plate's centre cell alone. `heat_weight` is 0 where nothing counts. `vote` weighs offset
    and size, `corner_vote` the corners, 0 where they are unknown. `aspect` is width over height, 1 elsewhere.
    """

    heat: Floats
    heat_weight: Floats
    offset: Floats
    size: Floats
    corners: Floats
    vote: Floats
    corner_vote: Floats
    aspect: Floats
    """Box width over height in cells that vote, 1 elsewhere."""


def encode(frames: Sequence[LabelledFrame]) -> Targets:
    """The maps a perfect detector would answer for `frames`, all of one size."""
    height, width = frames[0].pixels.shape
    grid = height // STRIDE_PX, width // STRIDE_PX
    maps = {
        name: np.zeros((len(frames), OUTPUTS.get(name, 1), *grid), np.float32)
        for name in Targets.__dataclass_fields__
    }
    targets = Targets(**maps)
    targets.heat_weight[:] = 1
    targets.aspect[:] = 1
    for index, frame in enumerate(frames):
        for area in frame.ignored:
            _ignore(targets.heat_weight[index, 0], area)
        for box, quad in zip(frame.boxes, frame.quads, strict=True):
            _draw(targets, index, box, quad)
    return targets


def _ignore(weight: Floats, area: Floats) -> None:
    x0, y0, x1, y1 = area / STRIDE_PX
    weight[max(0, int(y0)) : max(0, int(np.ceil(y1))), max(0, int(x0)) : max(0, int(np.ceil(x1)))] = 0


def _draw(targets: Targets, index: int, box: Floats, quad: Floats) -> None:
    """One plate into the maps of frame `index`; a plate whose centre is outside leaves no trace."""
    x, y = (box[0] + box[2]) / 2 / STRIDE_PX, (box[1] + box[3]) / 2 / STRIDE_PX
    width, height = (box[2] - box[0]) / STRIDE_PX, (box[3] - box[1]) / STRIDE_PX
    col, row = int(np.floor(x)), int(np.floor(y))
    heat = targets.heat[index, 0]
    rows_in_all, cols_in_all = heat.shape
    if not (0 <= col < cols_in_all and 0 <= row < rows_in_all):
        return
    bell = _bell((x, y), (width, height), (rows_in_all, cols_in_all))
    bell[row, col] = 1
    nearest = bell >= heat
    np.maximum(heat, bell, out=heat)
    targets.heat_weight[index, 0, row, col] = 1

    around = np.zeros_like(nearest)
    around[max(0, row - 1) : row + 2, max(0, col - 1) : col + 2] = True
    rows, cols = np.nonzero(around & nearest)
    vote = np.maximum(bell[rows, cols], MIN_VOTE)
    known = not bool(np.isnan(quad).any())
    targets.vote[index, 0, rows, cols] = vote
    targets.corner_vote[index, 0, rows, cols] = vote if known else 0
    targets.offset[index, :, rows, cols] = np.stack([x - cols - 0.5, y - rows - 0.5], axis=1)
    targets.size[index, :, rows, cols] = np.log([width, height])
    targets.aspect[index, 0, rows, cols] = width / height
    if known:
        inside = (quad / STRIDE_PX - (x, y)) / (width, height) - _UNIT_CORNERS
        targets.corners[index, :, rows, cols] = inside.reshape(8)


def _bell(centre: tuple[float, float], sides: tuple[float, float], grid: tuple[int, int]) -> Floats:
    """Gaussian on a grid of (rows, cols) about a centre (x, y); everything in cells."""
    spread_x, spread_y = (
        max(share * side, MIN_SPREAD_PX / STRIDE_PX) for share, side in zip(HEAT_SPREAD, sides, strict=True)
    )
    across = np.exp(-(((np.arange(grid[1]) + 0.5 - centre[0]) / spread_x) ** 2) / 2)
    down = np.exp(-(((np.arange(grid[0]) + 0.5 - centre[1]) / spread_y) ** 2) / 2)
    return np.asarray(down[:, np.newaxis] * across, np.float32)
