"""The upright picture of a vehicle's front or rear: bumper, grille, lamps and the plate."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.render.plates import PlateArt

Floats = NDArray[np.float32]

FACE_PX_PER_M = 420.0
_PLATE_GREY = 255.0
LETTERING_GREY = 95.0
"""White paint under full light; a plate's face is far brighter."""
_LEVELS = 4
FACES_KEPT = 12
"""More than are ever in view at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A painted face at several scales.

    `pictures` are float32 (H, W, 3): grey from the lamp's light, grey of the vehicle's own lamps, and
    cover 0 to 1, the first two already multiplied by the third. `plate_m` is (left, top, right, bottom)
    with x from the middle and height from the bottom of the face; `lamps` are (x, height, glow).
    """

    pictures: tuple[Floats, ...]
    plate_m: tuple[float, float, float, float]
    lamps: tuple[tuple[float, float, float], ...] = field(default=())

    def at_scale(self, width_px: float) -> Floats:
        """The smallest picture that still has at least about the width it will be drawn at."""
        halvings = math.floor(math.log2(1.2 * self.pictures[0].shape[1] / max(width_px, 1.0)))
        return self.pictures[min(max(halvings, 0), len(self.pictures) - 1)]


@dataclass(frozen=True, slots=True)
class FaceLook:
    """What a face looks like: `paint` in grey levels under full light, lamps in grey levels.

    `lettering` is what stands on it beside the plate, its middle `lettering_z_m` above the face's bottom.
    """

    kind: Literal["front", "rear"]
    width_m: float
    height_m: float
    paint: float
    lamp: float
    plate_z_m: float
    plate_shine: float
    lettering: PlateArt | None = None
    lettering_z_m: float = 0.0


@lru_cache(maxsize=FACES_KEPT)
def paint_face(look: FaceLook, plate: PlateArt) -> Face:
    """Paint a face with its plate; the same look and plate always give the same picture.

    Only the faces asked for last are kept: a picture takes 3 MB, and a long clip has many vehicles.
    """
    shape = round(look.height_m * FACE_PX_PER_M), round(look.width_m * FACE_PX_PER_M)
    picture = np.zeros((*shape, 3), np.float32)
    brush = _Brush(picture, look)
    brush.panel()
    lamps = brush.headlamps() if look.kind == "front" else brush.tail_lamps()
    if look.lettering is not None:
        brush.lettering(look.lettering)
    plate_m = brush.plate(plate)
    brush.round_corners()
    picture[..., :2] *= picture[..., 2:]
    return Face(_pyramid(picture), plate_m, lamps)


def _pyramid(picture: Floats) -> tuple[Floats, ...]:
    """The picture and its halvings; each keeps the same borders."""
    levels = [picture]
    for step in range(1, _LEVELS):
        size = max(2, picture.shape[1] >> step), max(2, picture.shape[0] >> step)
        levels.append(cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32))
    return tuple(levels)


class _Brush:
    """Paints in metres: x from the middle of the face, z up from its bottom."""

    def __init__(self, picture: Floats, look: FaceLook) -> None:
        self._picture = picture
        self._look = look

    def _px(self, x: float, z: float) -> tuple[int, int]:
        return (
            round((x + self._look.width_m / 2) * FACE_PX_PER_M),
            round((self._look.height_m - z) * FACE_PX_PER_M),
        )

    def _rectangle(self, left: float, top: float, right: float, bottom: float, grey: float) -> None:
        (x0, y0), (x1, y1) = self._px(left, top), self._px(right, bottom)
        self._picture[max(0, y0) : y1, max(0, x0) : x1, 0] = grey

    def panel(self) -> None:
        """Paintwork, bumper seam, grille and air intake."""
        look = self._look
        high, half = look.height_m, look.width_m / 2
        shade = np.linspace(1.0, 0.7, self._picture.shape[0], dtype=np.float32)
        self._picture[..., 0] = look.paint * shade[:, None]
        self._picture[..., 2] = 1.0
        self._rectangle(-half, 0.06, half, 0, 8)
        if look.kind == "front":
            self._rectangle(-0.42, 0.92 * high, 0.42, 0.66 * high, 10)
            for bar in (0.72, 0.79, 0.86):
                self._rectangle(-0.42, bar * high, 0.42, (bar - 0.025) * high, 24)
            self._rectangle(-0.6, 0.26 * high, 0.6, 0.1 * high, 11)
        else:
            self._rectangle(-half, 0.3 * high, half, 0.28 * high, 0.4 * look.paint)
            self._rectangle(-half, 0.97 * high, half, 0.955 * high, 0.4 * look.paint)

    def headlamps(self) -> tuple[tuple[float, float, float], ...]:
        """Two lamps with dark surrounds; halogen ones are bright in the near infrared."""
        x, z = self._look.width_m / 2 - 0.22, 0.76 * self._look.height_m
        for side in (-1, 1):
            self._ellipse((side * x, z), (0.17, 0.075), 0, 30)
            self._ellipse((side * (x - 0.02), z), (0.055, 0.05), 1, self._look.lamp)
        glow = 0.7 * self._look.lamp
        return ((-x + 0.02, z, glow), (x - 0.02, z, glow))

    def tail_lamps(self) -> tuple[tuple[float, float, float], ...]:
        """Two upright lamp clusters, dim in the near infrared, with their reflectors."""
        x, z = self._look.width_m / 2 - 0.1, 0.72 * self._look.height_m
        for side in (-1, 1):
            self._rectangle(side * x - 0.07, z + 0.16, side * x + 0.07, z - 0.14, 48)
            self._ellipse((side * x, z + 0.07), (0.05, 0.045), 1, self._look.lamp)
            self._rectangle(side * x - 0.06, 0.2, side * x + 0.06, 0.15, 95)
        glow = 0.35 * self._look.lamp
        return ((-x, z + 0.07, glow), (x, z + 0.07, glow))

    def _ellipse(
        self, centre: tuple[float, float], radii: tuple[float, float], layer: int, grey: float
    ) -> None:
        plane = np.ascontiguousarray(self._picture[..., layer])
        axes = round(radii[0] * FACE_PX_PER_M), round(radii[1] * FACE_PX_PER_M)
        cv2.ellipse(plane, self._px(*centre), axes, 0, 0, 360, (grey,), -1)
        self._picture[..., layer] = plane

    def lettering(self, art: PlateArt) -> None:
        """Write a name, an advert or a telephone number in paint: it sends no light straight back."""
        wide, tall, z = art.width_mm / 1000, art.height_mm / 1000, self._look.lettering_z_m
        (x0, y0), (x1, y1) = self._px(-wide / 2, z + tall / 2), self._px(wide / 2, z - tall / 2)
        face = cv2.resize(art.reflectance, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        self._picture[y0:y1, x0:x1, 0] = face * LETTERING_GREY

    def plate(self, art: PlateArt) -> tuple[float, float, float, float]:
        """Screw the plate on, in a dark recess; gives where it is."""
        wide, tall, z = art.width_mm / 1000, art.height_mm / 1000, self._look.plate_z_m
        self._rectangle(
            -wide / 2 - 0.02,
            z + tall / 2 + 0.02,
            wide / 2 + 0.02,
            z - tall / 2 - 0.02,
            0.35 * self._look.paint,
        )
        (x0, y0), (x1, y1) = self._px(-wide / 2, z + tall / 2), self._px(wide / 2, z - tall / 2)
        face = cv2.resize(art.reflectance, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        self._picture[y0:y1, x0:x1, 0] = face * _PLATE_GREY * self._look.plate_shine
        bottom = self._look.height_m
        return (
            x0 / FACE_PX_PER_M - self._look.width_m / 2,
            bottom - y0 / FACE_PX_PER_M,
            x1 / FACE_PX_PER_M - self._look.width_m / 2,
            bottom - y1 / FACE_PX_PER_M,
        )

    def round_corners(self) -> None:
        """Take the sharp corners off the face's outline."""
        height, width = self._picture.shape[:2]
        cover = np.zeros((height, width), np.float32)
        r = round(0.09 * FACE_PX_PER_M)
        cover[r : height - r] = 1
        cover[:, r : width - r] = 1
        for x in (r, width - 1 - r):
            for y in (r, height - 1 - r):
                cv2.circle(cover, (x, y), r, (1.0,), -1)
        self._picture[..., 2] = cover
