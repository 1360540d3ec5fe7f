"""A two-lane road at night as a pole camera's infrared lamp lights it, before the sensor's own faults.

World coordinates are metres: x to the right, y along the road away from the pole, z up; the road's
centre line is x = 0. Traffic keeps left: the near-side lane (x < 0) recedes, the far-side one approaches.
Brightness is in grey levels, 0 to 255, and may go beyond 255 where the sensor will saturate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LANE_WIDTH_M = 3.5
_KERB_X_M = -3.75
_KERB_WIDTH_M = 0.15
_FAR_VERGE_X_M = 3.8
_LINE_WIDTH_M = 0.12
_DASH_M, _DASH_PERIOD_M = 2.0, 6.0
_TARMAC, _PAINT, _KERB, _VERGE = 26.0, 105.0, 52.0, 34.0
_REFERENCE_DISTANCE_M = 14.0
_LAMP_FALL_OFF = 1.3
_SUPERSAMPLE = 2
_STRIP_ROWS = 48
_TEXTURES = 4


@dataclass(frozen=True, slots=True)
class Camera:
    """A pin-hole camera on a pole: `tilt_rad` down from the level, `yaw_rad` to the right of the road."""

    width: int
    height: int
    focal_px: float
    x_m: float
    z_m: float
    tilt_rad: float
    yaw_rad: float

    @classmethod
    def on_pole(cls, width: int, height: int, zoom: float = 1.0) -> Camera:
        """A unit 5 m up at the kerb, aimed at plates 9 to 26 m away: about 50 to 130 px at width 1280.

        Another `zoom` makes everything that many times as large, around the middle of the picture.
        """
        x_m, aim_x_m, aim_y_m = -2.2, 0.4, 14.6
        yaw = math.atan2(aim_x_m - x_m, aim_y_m)
        return cls(width, height, 2.0 * width * zoom, x_m, 5.0, math.radians(18), yaw)

    def project(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """World points (N, 3) to pixel indices (N, 2), which count from the middle of the first pixel."""
        moved = points_m - np.array([self.x_m, 0.0, self.z_m])
        right, forward, down = (moved @ self._axes().T).T
        centre = np.array([(self.width - 1) / 2, (self.height - 1) / 2])
        points = np.stack([right, down], axis=1) / forward[:, None] * self.focal_px
        return np.asarray(points + centre, np.float64)

    def distance_m(self, point_m: tuple[float, float, float]) -> float:
        """How far a world point is from the lens."""
        return math.dist(point_m, (self.x_m, 0.0, self.z_m))

    def ground(self, finer: int = 1, rows: range | None = None) -> tuple[Floats, Floats]:
        """The road point (x, y) each pixel sees, each float32 (H · finer, W · finer).

        `rows` takes these rows of the picture alone.
        """
        rows = range(self.height) if rows is None else rows
        u = (np.arange(self.width * finer) + 0.5) / finer - self.width / 2
        v = (np.arange(rows.start * finer, rows.stop * finer) + 0.5) / finer - self.height / 2
        right, forward, down = self._axes()
        across, below = np.meshgrid(u / self.focal_px, v / self.focal_px)
        rays = [across * right[i] + forward[i] + below * down[i] for i in range(3)]
        reach = self.z_m / np.maximum(-rays[2], 1e-6)
        x, y = self.x_m + rays[0] * reach, rays[1] * reach
        return x.astype(np.float32), y.astype(np.float32)

    def _axes(self) -> NDArray[np.float64]:
        """Unit vectors of the image's right, forward and down directions, as rows."""
        ct, st = math.cos(self.tilt_rad), math.sin(self.tilt_rad)
        cy, sy = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return np.array([[cy, -sy, 0.0], [sy * ct, cy * ct, -st], [-sy * st, -cy * st, -ct]])


def lamp_light(distance_m: float) -> float:
    """How brightly the unit's lamp lights something at this distance, 1 in the middle of the read zone.

    Softer than the inverse square: the lens of the lamp throws most of its light to the far end.
    """
    return math.pow(_REFERENCE_DISTANCE_M / max(distance_m, 1.0), _LAMP_FALL_OFF)


def empty_road(
    camera: Camera, rng: np.random.Generator, *, lamp: float = 1.0, ambient: float = 0.0
) -> Floats:
    """The road without traffic as float32 (H, W) grey levels, free of noise.

    `lamp` is the share of the unit's light, `ambient` the light that falls everywhere alike.
    Painted a strip at a time: a unit that watches a rendered road should not need a second one's memory.
    """
    tiles = [rng.standard_normal((256, 256)).astype(np.float32) for _ in range(_TEXTURES)]
    starts = range(0, camera.height, _STRIP_ROWS)
    strips = [range(start, min(start + _STRIP_ROWS, camera.height)) for start in starts]
    return np.concatenate([_road_strip(camera, rows, tiles, lamp, ambient) for rows in strips])


def _road_strip(camera: Camera, rows: range, tiles: list[Floats], lamp: float, ambient: float) -> Floats:
    x, y = camera.ground(_SUPERSAMPLE, rows)
    distance = np.sqrt((x - camera.x_m) ** 2 + y**2 + camera.z_m**2)
    light = lamp * (_REFERENCE_DISTANCE_M / distance) ** _LAMP_FALL_OFF + ambient
    lit = _surface(x, y, tiles) * light
    return np.asarray(cv2.resize(lit, (camera.width, len(rows)), interpolation=cv2.INTER_AREA), np.float32)


def _surface(x: Floats, y: Floats, tiles: list[Floats]) -> Floats:
    """How bright each road point is under even light; each of the `tiles` gives one texture."""
    grain = _texture(x, y, 0.03, tiles[0])
    patches = _texture(x, y, 1.4, tiles[1])
    tracks = np.cos((np.abs(x) - LANE_WIDTH_M / 2) / 0.75 * np.pi) * np.exp(-((x / 3.6) ** 4))
    out = _TARMAC + 3.0 * grain + 2.5 * patches - 1.6 * tracks
    dashes = (np.abs(x) < _LINE_WIDTH_M / 2) & (y % _DASH_PERIOD_M < _DASH_M)
    edges = np.abs(np.abs(x) - LANE_WIDTH_M) < _LINE_WIDTH_M / 2
    worn = 1 - 0.25 * np.clip(_texture(x, y, 0.12, tiles[2]), 0, 2)
    out = np.where(dashes | edges, _PAINT * worn, out)
    kerb = (x < _KERB_X_M) & (x > _KERB_X_M - _KERB_WIDTH_M)
    joints = np.where(y % 0.9 < 0.03, 0.6, 1.0)
    out = np.where(kerb, (_KERB + 3 * grain) * joints, out)
    out = np.where(x <= _KERB_X_M - _KERB_WIDTH_M, _TARMAC * 1.15 + 2 * grain, out)
    grass = _VERGE + 9 * _texture(x, y, 0.08, tiles[3]) + 6 * patches
    return np.where(x > _FAR_VERGE_X_M, grass, out).astype(np.float32)


def _texture(x: Floats, y: Floats, grain_m: float, tile: Floats) -> Floats:
    """A tile of random values laid over the ground, about `grain_m` coarse."""
    at_x, at_y = (np.mod(axis / grain_m, 255).astype(np.float32) for axis in (x, y))
    return cv2.remap(tile, at_x, at_y, cv2.INTER_LINEAR).astype(np.float32)
