"""Words and numbers that are no plates: road signs, adverts, van lettering, markings on the ground."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from anpr_edge.capture.render.camera_look import Floats, Window
from anpr_edge.capture.render.conditions import Condition
from anpr_edge.capture.render.face import LETTERING_GREY
from anpr_edge.capture.render.plates import UK_SINGLE_ROW, PlateArt, draw_plate
from anpr_edge.capture.render.scene import Camera
from anpr_edge.capture.render.vehicles import Canvas, Point3

_PX_PER_MM: Final = 0.3
_SIGN_SHINE: Final = 150.0
"""A sign sends light straight back as a plate does; aimed at drivers, not at a unit's lens, it does less."""

# Source of the telephone numbers: Ofcom's ranges for drama use, which reach nobody.
SIGNS: Final = (
    ("SLOW",),
    ("SCHOOL",),
    ("A406", "M25 N"),
    ("30",),
    ("NO ENTRY",),
    ("BUS LANE", "7 10 AM"),
    ("DIESEL 149",),
    ("TO LET", "020 7946 0018"),
    ("WASH 24H",),
    ("CCTV IN USE",),
    ("EXIT 12",),
    ("MAX 4T",),
)
VAN_LETTERING: Final = (
    ("RAPID", "PLUMBING", "020 7946 0123"),
    ("BAKERY", "0113 496 0345"),
    ("FLORIST", "SINCE 1987"),
    ("AB REMOVALS", "0161 496 0777"),
    ("24H GLASS", "CALL 0800"),
)
_WORN: Final = 0.85
"""How much of the ground a worn word covers."""
_GROUND_WORDS: Final = ("SLOW", "20", "BUS")


def sign_art(rows: tuple[str, ...], char_height_mm: float, *, dark: bool) -> PlateArt:
    """A board with lettering; `dark` is pale letters on dark ground."""
    tall = char_height_mm
    style = replace(
        UK_SINGLE_ROW,
        width_mm=1.5 * tall,
        height_mm=1.8 * tall,
        char_height_mm=tall,
        char_width_mm=0.62 * tall,
        stroke_mm=0.16 * tall,
        gap_mm=0.16 * tall,
        group_gap_mm=0.5 * tall,
        row_gap_mm=0.4 * tall,
        margin_mm=0.45 * tall,
        face=0.12 if dark else 0.9,
        ink=0.9 if dark else 0.06,
    )
    return draw_plate(rows, style, _PX_PER_MM)


def van_lettering(rng: np.random.Generator) -> PlateArt:
    """What a trade writes on the back doors of its van, at most 1.6 m wide."""
    rows = VAN_LETTERING[rng.integers(len(VAN_LETTERING))]
    longest = max(len(row) for row in rows)
    return sign_art(rows, min(170.0, 1500.0 / (0.85 * longest)), dark=bool(rng.random() < 0.5))


def with_signs(
    road: Floats, camera: Camera, condition: Condition, count: int, rng: np.random.Generator
) -> Floats:
    """The road, float32 (H, W), with `count` boards beside it and a word on the ground."""
    canvas = Canvas(road, Window(0, 0, camera.width, camera.height), camera, condition)
    word = sign_art((str(rng.choice(_GROUND_WORDS)),), 1300.0, dark=False)
    _paint_on_ground(canvas, word, rng)
    for at in sorted(rng.uniform(10.0, 24.0, count), reverse=True):
        rows = SIGNS[rng.integers(len(SIGNS))]
        tall = float(rng.uniform(70, 200))
        art = sign_art(rows, tall, dark=bool(rng.random() < 0.5))
        shine = _SIGN_SHINE if rng.random() < 0.6 else LETTERING_GREY
        left = bool(rng.random() < 0.4)
        x = float(rng.uniform(-4.9, -4.2) if left else rng.uniform(4.2, 7.0))
        _stand(canvas, art, (x, float(at), float(rng.uniform(0.3, 1.6))), shine * condition.plate_shine)
    return canvas.pixels


def _stand(canvas: Canvas, art: PlateArt, foot: Point3, grey: float) -> None:
    """An upright board whose lower edge has its middle at `foot`."""
    x, y, z = foot
    half, tall = art.width_mm / 2000, art.height_mm / 1000
    corners = [(x - half, y, z + tall), (x + half, y, z + tall), (x + half, y, z), (x - half, y, z)]
    canvas.panel(_picture(art, grey, 1.0), corners, canvas.light_at(foot))


def _paint_on_ground(canvas: Canvas, art: PlateArt, rng: np.random.Generator) -> None:
    """A word in a lane for those who drive there, its letters the only paint."""
    x, y = float(rng.choice((-1.75, 1.75))), float(rng.uniform(10.0, 18.0))
    half, long = 1.1, 2.6
    way = 1 if x < 0 else -1
    left, right, far, near = x - way * half, x + way * half, y + way * long / 2, y - way * long / 2
    corners = [(left, far, 0.0), (right, far, 0.0), (right, near, 0.0), (left, near, 0.0)]
    picture = _picture(art, LETTERING_GREY, 0.0)
    picture[..., 2] = np.clip((0.85 - art.reflectance) / 0.75, 0, _WORN)
    picture[..., 0] = LETTERING_GREY * picture[..., 2]
    canvas.panel(picture, corners, canvas.light_at((x, y, 0.0)))


def _picture(art: PlateArt, grey: float, cover: float) -> Floats:
    """The board as a `Face` keeps its pictures."""
    picture = np.zeros((*art.reflectance.shape, 3), np.float32)
    picture[..., 0] = art.reflectance * grey
    picture[..., 2] = cover
    return picture
