"""Whole number plates to statutory geometry, as the share of infrared light each point sends back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.render.glyphs import glyph_mask, narrowness
from anpr_edge.records import mask_plate


@dataclass(frozen=True, slots=True)
class PlateStyle:
    """How a plate is laid out; lengths in millimetres, `face`, `ink` and `band` as reflectance 0 to 1.

    `width_mm` and `height_mm` are least sizes: a longer text makes the plate wider.
    """

    name: str
    width_mm: float
    height_mm: float
    char_height_mm: float
    char_width_mm: float
    stroke_mm: float
    gap_mm: float
    group_gap_mm: float
    row_gap_mm: float
    margin_mm: float
    band_mm: float = 0.0
    band_text: str = ""
    border_mm: float = 0.0
    screws: bool = False
    corner_radius_mm: float = 6.0
    face: float = 0.92
    ink: float = 0.05
    band: float = 0.22


# Source: Road Vehicles (Display of Registration Marks) Regulations 2001, schedule 3, group 1 characters;
# 520 × 111 mm and 279 × 203 mm are the sizes the trade sells, not the statute's.
UK_SINGLE_ROW = PlateStyle("uk-single", 520, 111, 79, 50, 14, 11, 33, 19, 11)
UK_TWO_ROW = PlateStyle("uk-two-row", 279, 203, 79, 50, 14, 11, 33, 19, 11)
UK_SINGLE_ROW_BAND = replace(UK_SINGLE_ROW, name="uk-single-band", band_mm=42, band_text="GB")

# Source: the same schedule, group 2 characters.
UK_MOTORCYCLE = PlateStyle("uk-motorcycle", 229, 178, 64, 44, 10, 10, 30, 13, 11)

# Not one country's law: the common 520 × 110 mm shape with a 40 mm band and a printed rim.
EU_SINGLE_ROW = PlateStyle(
    "eu-single", 520, 110, 75, 46, 10, 9, 32, 14, 12, band_mm=40, band_text="E", border_mm=3
)

_BAND_TEXT_HEIGHT_MM = 18.0
_BAND_TEXT_REFLECTANCE = 0.8
_SCREW_RADIUS_MM = 6.5
_SCREW_REFLECTANCE = 0.35
_SCREW_INSET_MM = 26.0

# Source: DVLA INF104: no I, Q or Z in a current mark's first two letters, no I or Q in its last three.
_TAG_LETTERS = "ABCDEFGHJKLMNOPRSTUVWXY"
_RANDOM_LETTERS = "ABCDEFGHJKLMNOPRSTUVWXYZ"
# The prefix letters issued from 1983 to 2001: I, O, Q, U and Z never stood for a year.
_YEAR_LETTERS = "ABCDEFGHJKLMNPRSTVWXY"
_AGE_IDENTIFIERS = (*range(2, 27), *range(51, 77))


@dataclass(frozen=True, slots=True, eq=False)
class PlateArt:
    """A drawn plate: `reflectance` is float32 (H, W), 0 to 1; `rows` is what stands on it, row by row."""

    reflectance: NDArray[np.float32]
    text: str
    rows: tuple[str, ...]
    width_mm: float
    height_mm: float

    def __repr__(self) -> str:
        return f"PlateArt({mask_plate(self.text)}, {self.width_mm:.0f}x{self.height_mm:.0f} mm)"


def random_mark(rng: np.random.Generator) -> str:
    """A made-up but well-formed British mark with its space: three in four current, the rest prefix.

    Any likeness to a mark on the road is chance.
    """
    if rng.random() < 0.75:
        tag = _letters(rng, _TAG_LETTERS, 2)
        return f"{tag}{rng.choice(_AGE_IDENTIFIERS):02d} {_letters(rng, _RANDOM_LETTERS, 3)}"
    year = _letters(rng, _YEAR_LETTERS, 1)
    return f"{year}{rng.integers(1, 1000)} {_letters(rng, _TAG_LETTERS, 3)}"


def _letters(rng: np.random.Generator, alphabet: str, count: int) -> str:
    return "".join(rng.choice(list(alphabet), count))


def draw_plate(rows: Sequence[str], style: PlateStyle, px_per_mm: float) -> PlateArt:
    """Draw a plate with the given rows of text; a space inside a row is the statutory group gap.

    Raises: KeyError for a character that is not A–Z, 0–9 or a space.
    """
    width_mm, height_mm = plate_size_mm(rows, style)
    canvas = _Canvas(width_mm, height_mm, px_per_mm, style.face)
    _draw_trim(canvas, style)
    step = style.char_height_mm + style.row_gap_mm
    top = (height_mm - step * len(rows) + style.row_gap_mm) / 2
    for i, row in enumerate(rows):
        left = style.band_mm + (width_mm - style.band_mm - _row_width_mm(row, style)) / 2
        _draw_row(canvas, row, style, left, top + i * step)
    canvas.round_corners(style.corner_radius_mm)
    text = "".join(rows).replace(" ", "")
    return PlateArt(canvas.pixels, text, tuple(rows), width_mm, height_mm)


def plate_size_mm(rows: Sequence[str], style: PlateStyle) -> tuple[float, float]:
    """Width and height of the plate that carries `rows`: the style's own, or larger if they need it."""
    width = max(_row_width_mm(row, style) for row in rows) + style.band_mm + 2 * style.margin_mm
    height = len(rows) * style.char_height_mm + (len(rows) - 1) * style.row_gap_mm + 2 * style.margin_mm
    return max(width, style.width_mm), max(height, style.height_mm)


def _row_width_mm(row: str, style: PlateStyle) -> float:
    groups = row.split()
    chars = sum(_char_width_mm(char, style) for group in groups for char in group)
    gaps = sum(len(group) - 1 for group in groups) * style.gap_mm
    return chars + gaps + (len(groups) - 1) * style.group_gap_mm


def _char_width_mm(char: str, style: PlateStyle) -> float:
    aspect = style.char_width_mm / style.char_height_mm
    return style.char_width_mm * narrowness(char, style.stroke_mm / style.char_height_mm, aspect)


def _draw_row(canvas: _Canvas, row: str, style: PlateStyle, left: float, top: float) -> None:
    stroke = style.stroke_mm / style.char_height_mm
    for group in row.split():
        for char in group:
            wide = _char_width_mm(char, style)
            cell_left = left - (style.char_width_mm - wide) / 2
            canvas.ink_char(
                char, (cell_left, top), (style.char_width_mm, style.char_height_mm), stroke, style.ink
            )
            left += wide + style.gap_mm
        left += style.group_gap_mm - style.gap_mm


def _draw_trim(canvas: _Canvas, style: PlateStyle) -> None:
    """Band, rim and screws: whatever is not the mark."""
    if style.band_mm:
        canvas.fill((0, 0), (style.band_mm, canvas.height_mm), style.band)
        _draw_band_text(canvas, style)
    if style.border_mm:
        canvas.rim(style.border_mm, style.ink)
    if style.screws:
        for x in (style.band_mm + _SCREW_INSET_MM, canvas.width_mm - _SCREW_INSET_MM):
            canvas.disc((x, canvas.height_mm / 2), _SCREW_RADIUS_MM, _SCREW_REFLECTANCE)


def _draw_band_text(canvas: _Canvas, style: PlateStyle) -> None:
    size = _BAND_TEXT_HEIGHT_MM * 0.6, _BAND_TEXT_HEIGHT_MM
    advance = size[0] * 1.25
    left = (style.band_mm - advance * len(style.band_text) + advance - size[0]) / 2
    top = canvas.height_mm * 0.9 - size[1]
    for i, char in enumerate(style.band_text):
        canvas.ink_char(char, (left + i * advance, top), size, 0.18, _BAND_TEXT_REFLECTANCE)


class _Canvas:
    """Reflectance addressed in millimetres from the plate's top left."""

    def __init__(self, width_mm: float, height_mm: float, px_per_mm: float, value: float) -> None:
        self.width_mm, self.height_mm = width_mm, height_mm
        self._scale = px_per_mm
        shape = max(1, round(height_mm * px_per_mm)), max(1, round(width_mm * px_per_mm))
        self.pixels = np.full(shape, value, np.float32)

    def _px(self, *lengths_mm: float) -> tuple[int, ...]:
        return tuple(round(length * self._scale) for length in lengths_mm)

    def fill(self, corner: tuple[float, float], size: tuple[float, float], value: float) -> None:
        x0, y0, x1, y1 = self._px(*corner, corner[0] + size[0], corner[1] + size[1])
        self.pixels[y0:y1, x0:x1] = value

    def disc(self, centre: tuple[float, float], radius: float, value: float) -> None:
        x, y, r = self._px(*centre, radius)
        cv2.circle(self.pixels, (x, y), r, (value,), -1, cv2.LINE_AA)

    def rim(self, width: float, value: float) -> None:
        (w,) = self._px(width)
        self.pixels[:w] = self.pixels[-w or None :] = value
        self.pixels[:, :w] = self.pixels[:, -w or None :] = value

    def ink_char(
        self,
        char: str,
        corner: tuple[float, float],
        size: tuple[float, float],
        stroke: float,
        value: float,
    ) -> None:
        """Blend one character in; the parts of a narrow one's cell that stick out are blank."""
        x, y = self._px(*corner)
        w, h = (max(1, side) for side in self._px(*size))
        ink = glyph_mask(char, w, h, stroke)
        skip_left, skip_top = max(0, -x), max(0, -y)
        under = self.pixels[max(0, y) : y + h, max(0, x) : x + w]
        part = ink[skip_top : skip_top + under.shape[0], skip_left : skip_left + under.shape[1]]
        under += (value - under) * (part.astype(np.float32) / 255)

    def round_corners(self, radius: float) -> None:
        (r,) = self._px(radius)
        height, width = self.pixels.shape
        inside = np.zeros((height, width), np.uint8)
        inside[r : height - r] = 255
        inside[:, r : width - r] = 255
        for x in (r, width - 1 - r):
            for y in (r, height - 1 - r):
                cv2.circle(inside, (x, y), r, (255,), -1, cv2.LINE_AA)
        self.pixels *= inside.astype(np.float32) / 255
