"""Number-plate characters drawn from strokes and quarter arcs: no font file is involved.

Each character is one line of path text. Coordinates run along the *centre line* of the stroke:
0 is half a stroke inside the left or top edge, 1 half a stroke inside the right or bottom edge, so a
character fills its box for any stroke width.

    M x y          lift the pen and start at (x, y); open strokes start and end square
    L x y          straight to (x, y)
    H x y, V x y   quarter ellipse to (x, y), leaving horizontally / vertically
    D a y b z      slanted bar from height y to z (fractions of the full height), cut level at both
                   ends; a and b place it across the box, 0 flush left and 1 flush right
    W f            following strokes are f times as wide
    N f            the character is only f of the cell wide (never narrower than its stroke)
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Source: Road Vehicles (Display of Registration Marks) Regulations 2001: 14 mm stroke on 79 mm height.
STROKE_TO_HEIGHT = 14 / 79

_FINEST_HEIGHT_PX = 320
_ARC_STEPS = 40
_SUBPIXEL_BITS = 4

_Point = tuple[float, float]

_OPERANDS = {"M": 2, "L": 2, "H": 2, "V": 2, "D": 4, "W": 1, "N": 1}

_PATHS = {
    "A": "D .5 0 0 1 D .5 0 1 1 M .25 .7 L .75 .7",
    "B": "M 0 0 L 0 1 M 0 0 L .5 0 H .93 .24 V .5 .48 L 0 .48 M .5 .48 H 1 .74 V .5 1 L 0 1",
    "C": "M 1 .26 V .5 0 H 0 .32 L 0 .68 V .5 1 H 1 .74",
    "D": "M 0 0 L 0 1 M 0 0 L .42 0 H 1 .36 L 1 .64 V .42 1 L 0 1",
    "E": "M 0 0 L 0 1 M 0 0 L 1 0 M 0 .48 L .84 .48 M 0 1 L 1 1",
    "F": "M 0 0 L 0 1 M 0 0 L 1 0 M 0 .5 L .84 .5",
    "G": "M 1 .23 V .5 0 H 0 .32 L 0 .68 V .5 1 H 1 .7 L 1 .58 M .66 .56 L 1 .56",
    "H": "M 0 0 L 0 1 M 1 0 L 1 1 M 0 .5 L 1 .5",
    "I": "N 0 M .5 0 L .5 1",
    "J": "M 1 0 L 1 .66 V .5 1 H 0 .72",
    "K": "M 0 0 L 0 1 D 1 0 .1 .62 D .42 .4 1 1",
    "L": "M 0 0 L 0 1 M 0 1 L 1 1",
    "M": "W .86 M 0 0 L 0 1 M 1 0 L 1 1 D 0 0 .5 .66 D 1 0 .5 .66",
    "N": "M 0 0 L 0 1 M 1 0 L 1 1 W .92 D 0 0 1 1",
    "O": "M .5 0 H 1 .33 L 1 .67 V .5 1 H 0 .67 L 0 .33 V .5 0",
    "P": "M 0 0 L 0 1 M 0 0 L .45 0 H 1 .28 V .45 .56 L 0 .56",
    "Q": "M .5 0 H 1 .33 L 1 .67 V .5 1 H 0 .67 L 0 .33 V .5 0 W .72 D .56 .66 1 1",
    "R": "M 0 0 L 0 1 M 0 0 L .48 0 H 1 .26 V .48 .52 L 0 .52 D .52 .5 1 1",
    "S": "M 1 .22 V .5 0 H 0 .24 V .5 .49 H 1 .75 V .5 1 H 0 .78",
    "T": "M 0 0 L 1 0 M .5 0 L .5 1",
    "U": "M 0 0 L 0 .66 V .5 1 H 1 .66 L 1 0",
    "V": "D 0 0 .5 1 D 1 0 .5 1",
    "W": "W .76 D 0 0 .27 1 D .5 .16 .27 1 D .5 .16 .73 1 D 1 0 .73 1",
    "X": "D 0 0 1 1 D 1 0 0 1",
    "Y": "D 0 0 .5 .6 D 1 0 .5 .6 M .5 .56 L .5 1",
    "Z": "M 0 0 L 1 0 M 0 1 L 1 1 D 1 0 0 1",
    "0": "M .5 0 H 1 .4 L 1 .6 V .5 1 H 0 .6 L 0 .4 V .5 0",
    "1": "N .46 M 1 0 L 1 1 D .7 0 0 .22",
    "2": "M 0 .24 V .5 0 H 1 .28 L .95 .42 L .06 .96 M 0 1 L 1 1",
    "3": "M 0 .22 V .5 0 H .94 .24 V .5 .48 L .4 .48 M .5 .48 H 1 .74 V .5 1 H 0 .78",
    "4": "D .54 0 0 .74 M 0 .72 L 1 .72 M .72 0 L .72 1",
    "5": "M .94 0 L .06 0 M .06 0 L .06 .44 M .06 .5 V .5 .4 H 1 .7 V .5 1 H 0 .78",
    "6": "M 1 .2 V .5 0 H 0 .34 L 0 .6 M .5 .42 H 1 .7 V .5 1 H 0 .7 V .5 .42",
    "7": "M 0 0 L 1 0 D 1 .05 .3 1",
    "8": "M .5 0 H .94 .24 V .5 .48 H .06 .24 V .5 0 M .5 .48 H 1 .74 V .5 1 H 0 .74 V .5 .48",
    "9": "M 0 .8 V .5 1 H 1 .66 L 1 .4 M .5 0 H 1 .3 V .5 .58 H 0 .3 V .5 0",
}


def narrowness(char: str, stroke: float = STROKE_TO_HEIGHT, aspect: float = 50 / 79) -> float:
    """How much of a full character's width `char` takes, above 0 to 1: `1` and `I` are narrow."""
    tokens = _PATHS[char].split()
    return max(float(tokens[1]), stroke / aspect) if tokens[0] == "N" else 1.0


@lru_cache(maxsize=2048)
def glyph_mask(
    char: str, width_px: int, height_px: int, stroke: float = STROKE_TO_HEIGHT
) -> NDArray[np.uint8]:
    """One character as uint8 (height_px, width_px), 255 where there is ink, edges anti-aliased.

    The cell is that of a full-width character; `1` and `I` stand in its middle (see `narrowness`).
    `stroke` is the stroke's width as a fraction of the height. The result is shared: do not write to it.

    Raises: KeyError for a character that is not A–Z or 0–9.
    """
    finer = max(2, math.ceil(_FINEST_HEIGHT_PX / height_px))
    canvas = np.zeros((height_px * finer, width_px * finer), np.uint8)
    _Pen(canvas, stroke, narrowness(char, stroke, width_px / height_px)).draw(_PATHS[char])
    mask = cv2.resize(canvas, (width_px, height_px), interpolation=cv2.INTER_AREA).astype(np.uint8)
    mask.setflags(write=False)
    return mask


class _Pen:
    """Follows one path text over a canvas."""

    def __init__(self, canvas: NDArray[np.uint8], stroke: float, narrow: float) -> None:
        self._canvas = canvas
        self._height, cell_width = canvas.shape
        self._width = cell_width * narrow
        self._left = (cell_width - self._width) / 2
        self._box_stroke = stroke * self._height
        self._stroke = self._box_stroke
        self._track: list[_Point] = []

    def draw(self, path: str) -> None:
        """Draw the whole path."""
        tokens = iter(path.split())
        for op in tokens:
            self._do(op, [float(next(tokens)) for _ in range(_OPERANDS[op])])
        self._ink_track()

    def _do(self, op: str, v: list[float]) -> None:
        if op == "M":
            self._ink_track()
            self._track = [self._at(v[0], v[1])]
        elif op == "L":
            self._track.append(self._at(v[0], v[1]))
        elif op in "HV":
            self._track += _quarter(self._track[-1], self._at(v[0], v[1]), leaves_level=op == "H")
        elif op == "D":
            self._slant(*v)
        elif op == "W":
            self._ink_track()
            self._stroke = v[0] * self._box_stroke

    def _at(self, x: float, y: float) -> _Point:
        """Centre-line coordinates to canvas pixels."""
        inset = self._stroke / 2
        return (
            self._left + inset + x * (self._width - self._stroke),
            inset + y * (self._height - self._stroke),
        )

    def _ink_track(self) -> None:
        """Lay ink along the points gathered since the pen was put down."""
        track, self._track = self._track, []
        if len(track) < 2:
            return
        if math.dist(track[0], track[-1]) > 1:  # a closed loop has no ends
            track[0] = _beyond(track[1], track[0], self._stroke / 2)
            track[-1] = _beyond(track[-2], track[-1], self._stroke / 2)
        for start, end in pairwise(track):
            self._bar(start, end)
        for x, y in track[1:-1]:
            centre = round(x * 2**_SUBPIXEL_BITS), round(y * 2**_SUBPIXEL_BITS)
            radius = round(self._stroke / 2 * 2**_SUBPIXEL_BITS)
            cv2.circle(self._canvas, centre, radius, (255,), -1, cv2.LINE_8, _SUBPIXEL_BITS)

    def _bar(self, start: _Point, end: _Point) -> None:
        length = math.dist(start, end)
        if length == 0:
            return
        across = -(end[1] - start[1]) / length, (end[0] - start[0]) / length
        dx, dy = across[0] * self._stroke / 2, across[1] * self._stroke / 2
        self._fill(
            [
                (start[0] + dx, start[1] + dy),
                (end[0] + dx, end[1] + dy),
                (end[0] - dx, end[1] - dy),
                (start[0] - dx, start[1] - dy),
            ]
        )

    def _slant(self, from_x: float, from_y: float, to_x: float, to_y: float) -> None:
        top, bottom = from_y * self._height, to_y * self._height
        wide = self._stroke
        for _ in range(8):  # the level width depends on the slope, and the slope on the level width
            slope = (to_x - from_x) * (self._width - wide) / (bottom - top)
            wide = self._stroke * math.hypot(1, slope)
        a = self._left + from_x * (self._width - wide)
        b = self._left + to_x * (self._width - wide)
        self._fill([(a, top), (a + wide, top), (b + wide, bottom), (b, bottom)])

    def _fill(self, polygon: list[_Point]) -> None:
        corners = np.round((np.array(polygon) - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillConvexPoly(self._canvas, corners, (255,), cv2.LINE_8, _SUBPIXEL_BITS)


def _quarter(start: _Point, end: _Point, *, leaves_level: bool) -> list[_Point]:
    """Points of a quarter ellipse after `start` up to `end`."""
    (x0, y0), (x1, y1) = start, end
    points = []
    for i in range(1, _ARC_STEPS + 1):
        angle = math.pi / 2 * i / _ARC_STEPS
        early, late = math.sin(angle), 1 - math.cos(angle)
        x, y = (early, late) if leaves_level else (late, early)
        points.append((x0 + (x1 - x0) * x, y0 + (y1 - y0) * y))
    return points


def _beyond(start: _Point, end: _Point, extra: float) -> _Point:
    """The point `extra` further on than `end`, seen from `start`."""
    length = math.dist(start, end)
    return (
        end[0] + (end[0] - start[0]) / length * extra,
        end[1] + (end[1] - start[1]) / length * extra,
    )
