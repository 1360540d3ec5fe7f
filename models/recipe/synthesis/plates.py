"""A made-up plate, flat and clean as it leaves the workshop, then used, dirty and screwed on.

`random_plate` is what the crops of the recogniser and the frames of the detector are made from.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.recipe.synthesis import furniture
from models.recipe.synthesis.furniture import Reflectance
from models.recipe.synthesis.texts import SEPARATORS, Nation, PlateText, random_text
from models.recipe.synthesis.typefaces import CAP_HEIGHT_PX, Mask, Typeface, pick_typeface


@dataclass(frozen=True)
class PlateArt:
    """A plate seen straight on: ``reflectance`` is ``float32 (H, W)`` in 0..1, ``text`` what it says."""

    reflectance: Reflectance
    text: str
    rows: int


@dataclass(frozen=True)
class Style:
    """Everything about a plate's manufacture that is drawn once and holds for all its characters."""

    typeface: Typeface
    ink: float
    ground: float
    stretch: float
    cell_px: int
    """Width every character but 1 and I is brought to; 0 leaves the typeface's own widths."""
    gap_px: int
    group_gap_px: int
    margin_px: tuple[int, int]
    row_gap_px: int
    relief: str
    """``flat``, ``embossed``, ``gel`` (domed, with a highlight) or ``raised`` (blocks with a side wall)."""


def random_plate(
    rng: np.random.Generator, two_row_share: float = 0.2, codes: tuple[str, ...] = ()
) -> PlateArt:
    """Draw a plate of some nation with everything that may be on it; deterministic in ``rng``.

    ``codes`` restricts it to nations of `texts.NATIONS`; ``two_row_share`` is how often a plate that may
    have two rows has them.
    """
    layout = random_text(rng, two_row_share, codes)
    style = _random_style(rng, layout)
    face = _compose(rng, layout, style)
    return PlateArt(_use(rng, face, style), layout.text, len(layout.rows))


def _random_style(rng: np.random.Generator, layout: PlateText) -> Style:
    family = layout.nation.family
    dark_share = {"uk": 0.06, "us": 0.2, "br": 0.35, "ar": 0.55}.get(family, 0.08)
    ground, ink = float(rng.uniform(0.6, 1.0)), float(rng.uniform(0.0, 0.22))
    if family == "us":
        ink = float(rng.uniform(0.0, 0.35))
    if rng.random() < dark_share:
        ground, ink = float(rng.uniform(0.0, 0.3)), float(rng.uniform(0.6, 1.0))
    typeface = pick_typeface(rng, family)
    natural = family == "uk" and typeface.family == "uk"
    relief = ["flat", "embossed", "gel", "raised"]
    odds = [0.7, 0.06, 0.12, 0.12] if family == "uk" else [0.7, 0.26, 0.02, 0.02]
    return Style(
        typeface=typeface,
        ink=ink,
        ground=ground,
        stretch=float(rng.uniform(0.8, 1.16)),
        cell_px=int(rng.uniform(32, 46)) if natural and rng.random() < 0.8 else 0,
        gap_px=int(rng.integers(4, 17)),
        group_gap_px=int(rng.integers(10, 56)),
        margin_px=(int(rng.integers(4, 34)), int(rng.integers(4, 20))),
        row_gap_px=int(rng.integers(5, 18)),
        relief=str(rng.choice(relief, p=odds)),
    )


@dataclass(frozen=True)
class _Row:
    """A row ready to be inked: masks and separators with their left edges, and the row's whole width."""

    marks: tuple[tuple[str, int, int], ...]
    masks: tuple[Mask, ...]
    width: int


def _lay_row(rng: np.random.Generator, row: str, style: Style) -> _Row:
    marks: list[tuple[str, int, int]] = []
    masks: list[Mask] = []
    x = 0
    for char in row:
        if char == " ":
            x += style.group_gap_px
            continue
        width = int(CAP_HEIGHT_PX * rng.uniform(0.3, 0.45)) if char in SEPARATORS else 0
        if char not in SEPARATORS:
            mask = style.typeface.glyph(char, rng)
            width = max(7, int(mask.shape[1] * style.stretch))
            if style.cell_px and char not in "1I":
                width = style.cell_px
            masks.append(_resize(mask, width))
        marks.append((char, x, width))
        x += width + style.gap_px
    return _Row(tuple(marks), tuple(masks), max(x - style.gap_px, 16))


def _resize(mask: Mask, width: int) -> Mask:
    return np.asarray(cv2.resize(mask, (width, CAP_HEIGHT_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _compose(rng: np.random.Generator, layout: PlateText, style: Style) -> Reflectance:
    laid = [_lay_row(rng, row, style) for row in layout.rows]
    text_width = max(row.width for row in laid)
    left, right = _band_widths(rng, layout.nation, len(laid))
    above, below = _slogan_room(rng, layout.nation, len(laid))
    margin_x, margin_y = style.margin_px
    beside = int(rng.uniform(0, 0.5) * CAP_HEIGHT_PX) if len(laid) == 2 and rng.random() < 0.4 else 0
    width = text_width + 2 * margin_x + left + right + beside
    height = CAP_HEIGHT_PX * len(laid) + style.row_gap_px * (len(laid) - 1) + 2 * margin_y + above + below
    face = np.full((height, width), style.ground, np.float32)
    if layout.nation.family == "us" and rng.random() < 0.5:
        furniture.draw_scenery(rng, face, style.ground)
    _draw_words(rng, face, style, layout.nation, (above, below))
    _draw_bands(rng, face, layout.nation, (left, right), len(laid))
    flush = rng.random() < 0.25
    for index, row in enumerate(laid):
        slack = text_width - row.width
        x0 = left + margin_x + (0 if flush and index == 0 else int(slack * rng.choice([0.5, 0.5, 0.0, 1.0])))
        y0 = above + margin_y + index * (CAP_HEIGHT_PX + style.row_gap_px)
        _draw_row(rng, face, row, style, (x0, y0))
        if slack > CAP_HEIGHT_PX * 0.7 and rng.random() < 0.6:
            _draw_side_seals(rng, face, (left, x0, x0 + row.width, width - right), y0, style)
    return face


def _band_widths(rng: np.random.Generator, nation: Nation, rows: int) -> tuple[int, int]:
    """Widths of the left and right band, 0 where there is none."""
    share = {"uk": 0.45, "eu": 0.75, "any": 0.3, "br": 0.1}.get(nation.family, 0.03)
    if nation.bands == "none":
        share *= 0.25
    if rng.random() >= share:
        return 0, 0
    width = int(CAP_HEIGHT_PX * rng.uniform(0.38, 0.66))
    both = rng.random() < (0.85 if nation.bands == "both" else 0.08)
    return width, int(width * rng.uniform(0.8, 1.0)) if both and rows == 1 else 0


def _draw_bands(
    rng: np.random.Generator, face: Reflectance, nation: Nation, widths: tuple[int, int], rows: int
) -> None:
    left, right = widths
    if left:
        half = rows == 2 and rng.random() < 0.7
        part = face[: face.shape[0] // 2] if half else face
        code = nation.code if rng.random() < 0.8 else furniture.random_words(rng, 1, 4).upper().strip()
        furniture.draw_band(rng, part, 0, left, code or "E")
    if right:
        furniture.draw_band(
            rng, face, face.shape[1] - right, face.shape[1], furniture.random_words(rng, 2, 4).upper()
        )


def _slogan_room(rng: np.random.Generator, nation: Nation, rows: int) -> tuple[int, int]:
    """Pixels kept free above and below the characters for words."""
    if nation.family == "us" and rows == 1:
        return int(rng.uniform(0, 0.55) * CAP_HEIGHT_PX), int(rng.uniform(0, 0.5) * CAP_HEIGHT_PX)
    if nation.family in {"br", "ar"} and rng.random() < 0.85:
        return int(rng.uniform(0.15, 0.5) * CAP_HEIGHT_PX), 0
    if rng.random() < 0.12:
        return 0, int(rng.uniform(0.1, 0.25) * CAP_HEIGHT_PX)
    return 0, 0


def _draw_words(
    rng: np.random.Generator, face: Reflectance, style: Style, nation: Nation, room: tuple[int, int]
) -> None:
    above, below = room
    if nation.family in {"br", "ar"} and above and rng.random() < 0.35:
        face[:above] = style.ink
        furniture.draw_slogan(rng, face, 1, above, style.ground - 0.2)
    elif above:
        furniture.draw_slogan(rng, face, 1, above, style.ink)
    if below:
        furniture.draw_slogan(rng, face, face.shape[0] - below, face.shape[0] - 1, style.ink)
    if nation.family == "us" and rng.random() < 0.4:
        _draw_corner_stickers(rng, face)


def _draw_corner_stickers(rng: np.random.Generator, face: Reflectance) -> None:
    height, width = face.shape
    for x in (0.02, 0.85):
        for y in (0.04, 0.72):
            if rng.random() < 0.4:
                left, top = int(x * width), int(y * height)
                right, bottom = (
                    left + int(width * rng.uniform(0.07, 0.13)),
                    top + int(height * rng.uniform(0.15, 0.25)),
                )
                tone = float(rng.uniform(0.1, 0.95))
                cv2.rectangle(face, (left, top), (right, bottom), (tone,), -1)
                label = furniture.random_words(rng, 2, 4).upper()
                cv2.putText(
                    face, label, (left + 2, bottom - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (1 - tone,), 1
                )


def _draw_row(
    rng: np.random.Generator,
    face: Reflectance,
    row: _Row,
    style: Style,
    origin: tuple[int, int],
) -> None:
    x0, y0 = origin
    glyphs = iter(row.masks)
    for char, x, width in row.marks:
        left, middle = x0 + x, (x0 + x + width // 2, y0 + CAP_HEIGHT_PX // 2)
        if char == "-":
            half_h, half_w = int(rng.integers(3, 6)), int(width * rng.uniform(0.2, 0.42))
            face[middle[1] - half_h : middle[1] + half_h, middle[0] - half_w : middle[0] + half_w] = style.ink
        elif char == ":":
            furniture.draw_stickers(rng, face, middle, CAP_HEIGHT_PX, style.ground)
        elif char == "^":
            furniture.draw_stack(rng, face, middle, CAP_HEIGHT_PX, style.ink)
        elif char == "*":
            furniture.draw_seal(rng, face, middle, CAP_HEIGHT_PX, style.ground)
        else:
            _ink_glyph(rng, face[y0 : y0 + CAP_HEIGHT_PX, left : left + width], next(glyphs), style)


def _ink_glyph(rng: np.random.Generator, window: Reflectance, mask: Mask, style: Style) -> None:
    alpha = mask[: window.shape[0], : window.shape[1]].astype(np.float32) / 255
    ink = np.full_like(alpha, style.ink)
    if style.relief == "raised":
        side = np.roll(alpha, (int(rng.integers(1, 4)), int(rng.integers(-3, 4))), (0, 1))
        window[:] = window * (1 - side) + side * (style.ink * 0.5 + style.ground * 0.3)
    elif style.relief == "gel":
        core = cv2.erode(alpha, np.ones((7, 7), np.uint8))
        ink += (
            cv2.GaussianBlur(core, (0, 0), 1.0) * float(rng.uniform(0.1, 0.55)) * (style.ground - style.ink)
        )
    elif style.relief == "embossed":
        light = np.roll(alpha, 2, (0, 1)) - np.roll(alpha, -2, (0, 1))
        window += np.float32(rng.uniform(-0.2, 0.2)) * light
    window[:] = window * (1 - alpha) + ink * alpha


def _draw_side_seals(
    rng: np.random.Generator, face: Reflectance, edges: tuple[int, int, int, int], y0: int, style: Style
) -> None:
    """Seals or arms in the free room left and right of a short row."""
    left, text_left, text_right, right = edges
    for start, stop in ((left, text_left), (text_right, right)):
        if stop - start > CAP_HEIGHT_PX * 0.5 and rng.random() < 0.7:
            draw = furniture.draw_seal if rng.random() < 0.6 else furniture.draw_stickers
            middle = ((start + stop) // 2, y0 + CAP_HEIGHT_PX // 2)
            draw(rng, face, middle, CAP_HEIGHT_PX, style.ground)


def _use(rng: np.random.Generator, face: Reflectance, style: Style) -> Reflectance:
    """What happens to a plate on the road: border, bolts, soil, shadow."""
    if rng.random() < (0.4 if style.ink < style.ground else 0.8):
        furniture.draw_border(rng, face, style.ink)
    if rng.random() < 0.3:
        furniture.draw_bolts(rng, face)
    if rng.random() < 0.3:
        face = furniture.soil(rng, face)
    if rng.random() < 0.22:
        face = furniture.shade(rng, face)
    return np.clip(face, 0, 1).astype(np.float32)
