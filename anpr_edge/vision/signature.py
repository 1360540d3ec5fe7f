"""What a camera looks at, as features from which no picture can be rebuilt, and whether it still does.

A commissioning view is a grid of 64 × 36 cells. Each holds one of eight directions of the edges in it, or
none: four bits for a field of 20 × 20 px. A plate is five cells of that; no face, letter or vehicle is in
it. Frames over some seconds are taken together, so that what passes fades and what stands remains.

To compare, the edges of now are laid over the grid, moved and turned until they agree best. Directions of
edges outlive the light as long as the same edges are lit; where they are not, the answer is "cannot tell",
never "moved".
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.errors import AnprError
from anpr_edge.vision.pixels import resize

ACROSS: Final = 64
DOWN: Final = 36
FINE: Final = 5
"""The edges of now are kept this much finer than the grid: a move of a fifth of a cell can be told."""
DIRECTIONS: Final = 8
NONE: Final = 15
COHERENT: Final = 0.25
"""A cell has a direction when so much of its edges' energy agrees on one."""
STRONG_SHARE: Final = 0.45
"""… and when it is among this share of cells with the most of it."""
REACH_CELLS: Final = 8
"""How far it is looked for: an eighth of the picture's width."""
TURNS_DEG: Final = (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0)
PART_TURNS_DEG: Final = (-1.0, -0.5, 0.0, 0.5, 1.0)
AGREES: Final = 0.6
"""Mean agreement, -1 to 1, from which two views are of the same place. Source: our measurement: the same
rendered road in other traffic has 0.7, another one seen from the same height 0.53, noise 0.1."""
MOVED_SHARE: Final = 0.02
"""Of the picture's width: 26 px of 1280. Less is what wind does to a pole."""
TURNED_DEG: Final = 1.5

Field = NDArray[np.float32]
Verdict = Literal["same", "moved", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Signature:
    """The directions of a view's edges: uint8 (36, 64), 0 to 7 in steps of 22.5°, 15 where there is none."""

    cells: NDArray[np.uint8]

    def encode(self) -> str:
        """As text: 1,152 bytes in base64."""
        flat = self.cells.ravel()
        return base64.b64encode((flat[0::2] << 4 | flat[1::2]).astype(np.uint8).tobytes()).decode()

    @classmethod
    def decode(cls, text: str) -> Signature:
        """The signature that `encode` wrote. Raises: AnprError when it is none."""
        try:
            packed = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
            cells = np.stack([packed >> 4, packed & 15], axis=1).reshape(DOWN, ACROSS)
        except ValueError:
            raise AnprError("not a view's signature", hint="capture the commissioning view again") from None
        return cls(cells.astype(np.uint8))

    def to_json(self) -> Mapping[str, Any]:
        """As it is kept."""
        return {"across": ACROSS, "down": DOWN, "cells": self.encode()}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a view differs from another: shares of the picture's width and height, degrees, and how sure."""

    verdict: Verdict
    agreement: float
    shift_x: float
    shift_y: float
    turn_deg: float


class ViewGatherer:
    """Takes frames of one view together."""

    def __init__(self) -> None:
        self._sum: Field | None = None
        self.frames = 0

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """One more frame, uint8 (height, width)."""
        edges = _edges(pixels)
        self._sum = edges if self._sum is None else self._sum + edges
        self.frames += 1

    def signature(self) -> Signature:
        """The view so far. Raises: ValueError before the first frame."""
        return _signature(self._edges_so_far())

    def compare(self, known: Signature) -> Comparison:
        """How the view so far differs from one that was kept. Raises: ValueError before the first frame."""
        return _compare(known, self._edges_so_far())

    def _edges_so_far(self) -> Field:
        if self._sum is None:
            raise ValueError("no frame was added yet")
        return self._sum


def _edges(pixels: NDArray[np.uint8]) -> Field:
    """Per fine cell the edges' energy, and its direction as a doubled angle: float32 (180, 320, 3).

    Each frame counts alike, whatever its light.
    """
    whole = resize(pixels, (2 * ACROSS * FINE, 2 * DOWN * FINE)).astype(np.float32)
    grey = cv2.GaussianBlur(whole, (0, 0), 1.5)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    tensor = np.stack([gx * gx + gy * gy, gx * gx - gy * gy, 2 * gx * gy], axis=2)
    # the root of the energy, so that one bright lamp does not outshout the road
    tensor /= np.sqrt(tensor[..., :1]) + 1.0
    fine = cv2.resize(tensor, (ACROSS * FINE, DOWN * FINE), interpolation=cv2.INTER_AREA)
    return np.asarray(fine / (float(fine[..., 0].mean()) + 1e-3), np.float32)


def _cells(fine: Field) -> Field:
    return np.asarray(cv2.resize(fine, (ACROSS, DOWN), interpolation=cv2.INTER_AREA), np.float32)


def _signature(fine: Field) -> Signature:
    cells = _cells(fine)
    energy, c2, s2 = cells[..., 0], cells[..., 1], cells[..., 2]
    strong = energy >= np.quantile(energy, 1 - STRONG_SHARE)
    coherent = np.hypot(c2, s2) >= COHERENT * energy
    step = math.tau / DIRECTIONS
    direction = np.rint(np.arctan2(s2, c2) / step).astype(int) % DIRECTIONS
    return Signature(np.where(strong & coherent, direction, NONE).astype(np.uint8))


def _compare(known: Signature, fine: Field) -> Comparison:
    """By whole cells and turns first; around the best of these by part turns and parts of a cell."""
    has = known.cells != NONE
    angle = known.cells * (math.tau / DIRECTIONS)
    wanted = np.stack([np.cos(angle) * has, np.sin(angle) * has], axis=2).astype(np.float32)
    _, turn, dx, dy = max(_by_cells(wanted, fine))
    dx, dy = dx * FINE, dy * FINE
    agreement = -1.0
    for reach in (FINE, FINE // 2):
        agreement, turn, dx, dy = max(
            _scores(wanted, fine, [turn + part for part in PART_TURNS_DEG], [(dx, dy)])
        )
        steps = [(dx + x, dy + y) for x, y in _steps(reach)]
        agreement, turn, dx, dy = max(_scores(wanted, fine, [turn], steps))
    across, down = dx / (ACROSS * FINE), dy / (DOWN * FINE)
    moved = math.hypot(across, down * DOWN / ACROSS) > MOVED_SHARE or abs(turn) > TURNED_DEG
    verdict: Verdict = "cannot tell" if agreement < AGREES else "moved" if moved else "same"
    return Comparison(verdict, round(agreement, 3), round(across, 4), round(down, 4), round(turn, 1))


def _steps(reach: int) -> list[tuple[int, int]]:
    around = range(-reach, reach + 1)
    return [(x, y) for x in around for y in around]


def _by_cells(wanted: Field, fine: Field) -> Iterator[tuple[float, float, int, int]]:
    """(agreement, turn, cells across, cells down) of each trial: the view of now, moved back by these."""
    for turn in TURNS_DEG:
        padded = _padded(_cells(_turned(fine, turn)), REACH_CELLS, REACH_CELLS)
        for dx, dy in _steps(REACH_CELLS):
            top, left = REACH_CELLS + dy, REACH_CELLS + dx
            yield _agreement(wanted, padded[top : top + DOWN, left : left + ACROSS]), turn, dx, dy


def _scores(
    wanted: Field, fine: Field, turns: Sequence[float], steps: Sequence[tuple[int, int]]
) -> Iterator[tuple[float, float, int, int]]:
    """The same with steps of the fine grid."""
    height, width = fine.shape[:2]
    for turn in turns:
        padded = _padded(_turned(fine, turn), height, width)
        for dx, dy in steps:
            part = padded[height + dy : 2 * height + dy, width + dx : 2 * width + dx]
            yield _agreement(wanted, _cells(part)), turn, dx, dy


def _padded(field: Field, down: int, across: int) -> Field:
    return np.pad(field, ((down, down), (across, across), (0, 0)))


def _agreement(wanted: Field, cells: Field) -> float:
    """Mean cosine between directions, over the kept cells that lie in the picture of now."""
    weight = np.hypot(wanted[..., 0], wanted[..., 1])
    length = np.hypot(cells[..., 1], cells[..., 2]) + 1e-6
    cosine = (wanted[..., 0] * cells[..., 1] + wanted[..., 1] * cells[..., 2]) / length
    sure = weight * np.minimum(1.0, cells[..., 0])
    inside = weight * (cells[..., 0] > 0)
    if inside.sum() < 0.5 * weight.sum() or weight.sum() == 0:
        return -1.0
    return float((cosine * sure).sum() / (sure.sum() + 1e-6))


def _turned(fine: Field, turn_deg: float) -> Field:
    """The view turned back about its middle: places and directions."""
    if turn_deg == 0:
        return fine
    height, width = fine.shape[:2]
    turning = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
    moved = cv2.warpAffine(fine, turning, (width, height))
    double = math.radians(2 * turn_deg)
    c2 = moved[..., 1] * math.cos(double) + moved[..., 2] * math.sin(double)
    s2 = moved[..., 2] * math.cos(double) - moved[..., 1] * math.sin(double)
    return np.asarray(np.stack([moved[..., 0], c2, s2], axis=2), np.float32)
