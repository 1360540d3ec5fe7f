"""Simple shaded vehicles that carry a drawn plate along the road: bodies, lamps, glass and tyres.

A vehicle is a face (an upright picture with lamps and plate, nearest the camera) and the panels behind
it, given by a side profile. Seen from the front or from behind the construction is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.render.camera_look import Window
from anpr_edge.capture.render.conditions import IR_NIGHT, Condition
from anpr_edge.capture.render.courses import Course
from anpr_edge.capture.render.face import Face, FaceLook, paint_face
from anpr_edge.capture.render.plates import PlateArt
from anpr_edge.capture.render.scene import Camera
from anpr_edge.records import Direction, Point, Quad, mask_plate

Floats = NDArray[np.float32]
Point3 = tuple[float, float, float]

_NEAR_Y_M, _FAR_Y_M = 1.0, 60.0
_GLASS = 9.0
_TYRE = 5.0
_SHADOW = 0.35
_GLOW_RADIUS_M = 0.9
_MIRRORED_DOWN_TO_M = -1.6
_MARGIN_PX = 20
_SUBPIXEL_BITS = 3
_FACE_CORNERS = slice(0, 4)
"""Those of an outline's corners that belong to the near end."""


@dataclass(frozen=True, slots=True)
class Body:
    """A side profile from the top of the face backwards: (metres behind the face, height, half width).

    `panels` says what lies between each two profile points: `body` or `glass`.
    """

    name: str
    face_bottom_m: float
    profile_m: tuple[tuple[float, float, float], ...]
    panels: tuple[str, ...]
    plate_z_m: float

    @property
    def half_width_m(self) -> float:
        """Half the width of the face."""
        return self.profile_m[0][2]

    @property
    def face_height_m(self) -> float:
        """From the bottom of the face to where the first panel begins."""
        return self.profile_m[0][1] - self.face_bottom_m


CAR_FRONT = Body(
    "car-front",
    0.2,
    ((0, 0.74, 0.88), (0.95, 0.96, 0.84), (1.65, 1.43, 0.6), (3.2, 1.41, 0.6), (4.2, 0.95, 0.8)),
    ("body", "glass", "body", "glass"),
    0.46,
)
CAR_REAR = Body(
    "car-rear",
    0.25,
    ((0, 0.98, 0.87), (0.45, 1.4, 0.6), (2.3, 1.44, 0.6), (3.0, 0.98, 0.82), (4.1, 0.75, 0.85)),
    ("glass", "body", "glass", "body"),
    0.72,
)
VAN_FRONT = Body(
    "van-front",
    0.28,
    ((0, 1.05, 0.95), (0.55, 1.22, 0.94), (1.15, 1.92, 0.84), (4.9, 2.0, 0.86)),
    ("body", "glass", "body"),
    0.56,
)
OFF_ROAD_REAR = Body(
    "off-road-rear",
    0.42,
    ((0, 1.2, 0.9), (0.12, 1.8, 0.78), (3.0, 1.86, 0.78), (3.6, 1.2, 0.88)),
    ("glass", "body", "glass"),
    0.86,
)
VAN_REAR = Body(
    "van-rear",
    0.4,
    ((0, 1.95, 0.94), (0.1, 2.05, 0.9), (4.6, 2.05, 0.9)),
    ("body", "body"),
    0.62,
)


@dataclass(frozen=True, slots=True, eq=False)
class Vehicle:
    """One vehicle at constant speed along its lane; it is `y_m` = `mid_y_m` away at `mid_s`.

    With a `course` that says where it is and when, these do not count. `wet` is the share of its lamps'
    light that the road mirrors. Without a plate its text is empty.
    """

    body: Body
    look: FaceLook
    plate: PlateArt
    paint: float
    x_m: float
    speed_m_s: float
    direction: Direction
    mid_s: float
    mid_y_m: float
    plate_style: str
    course: Course | None = None
    wet: float = 0.0

    @property
    def plate_text(self) -> str:
        """What its plate says."""
        return self.plate.text

    @property
    def face(self) -> Face:
        """Its front or rear, painted."""
        return paint_face(self.look, self.plate)

    def __repr__(self) -> str:
        return f"Vehicle({self.body.name}, {mask_plate(self.plate_text)}, {self.speed_m_s:.1f} m/s)"

    def placed(self, time_s: float) -> Vehicle:
        """Itself at one moment; a vehicle on a course as one that stands where it is then."""
        if self.course is None:
            return self
        x, y = self.course.at(time_s)
        return replace(self, x_m=x, mid_y_m=y, mid_s=time_s, course=None)

    def y_m(self, time_s: float) -> float:
        """Where along the road the face is."""
        if self.course is not None:
            return self.course.at(time_s)[1]
        sign = 1 if self.direction == "away" else -1
        return self.mid_y_m + sign * self.speed_m_s * (time_s - self.mid_s)

    def span_s(self) -> tuple[float, float]:
        """When it comes into the camera's reach and when it leaves it."""
        if self.course is not None:
            return self.course.times_s[0], self.course.times_s[-1]
        before, after = _FAR_Y_M - self.mid_y_m, self.mid_y_m - _NEAR_Y_M
        if self.direction == "away":
            before, after = after, before
        return self.mid_s - before / self.speed_m_s, self.mid_s + after / self.speed_m_s

    def plate_quad(self, camera: Camera, time_s: float) -> Quad:
        """The plate's corners in the picture, where pixel i covers i to i + 1."""
        left, top, right, bottom = self.face.plate_m
        here = self.placed(time_s)
        x, y, z = here.x_m, here.y_m(time_s), self.body.face_bottom_m
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        points = camera.project(np.array([(x + cx, y, z + cz) for cx, cz in corners])) + 0.5
        tl, tr, br, bl = (_point(p) for p in points)
        return Quad(tl, tr, br, bl)

    def window(self, camera: Camera, time_s: float) -> Window | None:
        """The part of the picture this vehicle touches; None when it is out of sight."""
        if not _NEAR_Y_M <= self.y_m(time_s) <= _FAR_Y_M:
            return None
        low_m = _MIRRORED_DOWN_TO_M if self.wet else 0.0
        seen = self.outline(camera, time_s, reach_m=_GLOW_RADIUS_M, low_m=low_m)
        x0, y0 = np.maximum(np.floor(seen.min(axis=0)) - _MARGIN_PX, 0).astype(int)
        x1, y1 = np.minimum(np.ceil(seen.max(axis=0)) + _MARGIN_PX, (camera.width, camera.height)).astype(int)
        return Window(int(x0), int(y0), int(x1), int(y1)) if x1 - x0 > 1 and y1 - y0 > 1 else None

    def face_window(self, camera: Camera, time_s: float) -> Window:
        """The upright rectangle around its face, which may reach beyond the picture."""
        seen = self.outline(camera, time_s, low_m=self.body.face_bottom_m)[_FACE_CORNERS, :]
        (x0, y0), (x1, y1) = np.floor(seen.min(axis=0)).astype(int), np.ceil(seen.max(axis=0)).astype(int)
        return Window(int(x0), int(y0), int(x1), int(y1))

    def outline(
        self, camera: Camera, time_s: float, *, reach_m: float = 0.0, low_m: float = 0.0
    ) -> NDArray[np.float64]:
        """The eight corners of the box around it in the picture, (8, 2) px, `reach_m` wider on both sides."""
        here = self.placed(time_s)
        x, y = here.x_m, here.y_m(time_s)
        half, tall = self.body.half_width_m + reach_m, max(z for _, z, _ in self.body.profile_m)
        ends = (y, y + self.body.profile_m[-1][0])
        box = [(x + sx, py, z) for py in ends for sx in (-half, half) for z in (low_m, tall)]
        return camera.project(np.array(box))

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Paint the vehicle over what is already on the canvas."""
        self.placed(time_s)._paint(canvas, time_s)

    def _paint(self, canvas: Canvas, time_s: float) -> None:
        y = self.y_m(time_s)
        light = canvas.light_at((self.x_m, y, 0.8))
        self._draw_shadow(canvas, y)
        self._draw_mirrored_lamps(canvas, y)
        self._draw_side(canvas, y, light)
        self._draw_panels(canvas, y, light)
        self._draw_tyres(canvas, y)
        self._draw_face(canvas, y, light)
        for lamp_x, lamp_z, glow in self.face.lamps:
            canvas.glow((self.x_m + lamp_x, y, self.body.face_bottom_m + lamp_z), glow)

    def blur_px(self, camera: Camera, time_s: float, shutter_s: float) -> float:
        """How far the plate moves in the picture while the shutter is open."""
        before = self.plate_quad(camera, time_s).box.centre
        after = self.plate_quad(camera, time_s + shutter_s).box.centre
        return abs(after[1] - before[1])

    def _draw_shadow(self, canvas: Canvas, y: float) -> None:
        half, back = self.body.half_width_m, y + self.body.profile_m[-1][0]
        corners = [(-half, y), (half, y), (half, back), (-half, back)]
        canvas.darken([(self.x_m + sx, sy, 0.0) for sx, sy in corners], _SHADOW)

    def _draw_mirrored_lamps(self, canvas: Canvas, y: float) -> None:
        for lamp_x, lamp_z, glow in self.face.lamps if self.wet else ():
            canvas.glow((self.x_m + lamp_x, y, -self.body.face_bottom_m - lamp_z), self.wet * glow)

    def _draw_side(self, canvas: Canvas, y: float, light: float) -> None:
        side = -1 if canvas.camera.x_m < self.x_m else 1
        low = self.body.face_bottom_m
        end = self.body.profile_m[-1][0]
        outline = [(0.0, low, self.body.half_width_m), *self.body.profile_m]
        outline.append((end, low, self.body.half_width_m))
        points = [(self.x_m + side * half, y + back, z) for back, z, half in outline]
        canvas.fill(points, 0.45 * self.paint * light)
        self._draw_side_wheels(canvas, y, side)

    def _draw_side_wheels(self, canvas: Canvas, y: float, side: int) -> None:
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        x = self.x_m + side * self.body.half_width_m
        for back in (0.75, self.body.profile_m[-1][0] - 0.8):
            rim = [(x, y + back + 0.33 * np.cos(a), 0.33 + 0.33 * np.sin(a)) for a in turn]
            canvas.fill(rim, _TYRE)

    def _draw_panels(self, canvas: Canvas, y: float, light: float) -> None:
        steps = list(zip(self.body.profile_m, self.body.profile_m[1:], self.body.panels, strict=False))
        for (b0, z0, w0), (b1, z1, w1), kind in reversed(steps):
            slope = (z1 - z0) / max(b1 - b0, 0.05)
            shade = _GLASS if kind == "glass" else self.paint * (0.5 + 0.35 * min(1.0, max(0.0, slope)))
            x = self.x_m
            corners = [(x - w0, y + b0, z0), (x + w0, y + b0, z0), (x + w1, y + b1, z1), (x - w1, y + b1, z1)]
            canvas.fill(corners, shade * light)

    def _draw_tyres(self, canvas: Canvas, y: float) -> None:
        half, low = self.body.half_width_m, self.body.face_bottom_m + 0.06
        for inner, outer in ((-half + 0.28, -half + 0.06), (half - 0.28, half - 0.06)):
            xs = (self.x_m + inner, self.x_m + outer)
            yy = y + 0.3
            corners = [(xs[0], yy, low), (xs[1], yy, low), (xs[1], yy, 0.0), (xs[0], yy, 0.0)]
            canvas.fill(corners, _TYRE)

    def _draw_face(self, canvas: Canvas, y: float, light: float) -> None:
        half, low, top = self.body.half_width_m, self.body.face_bottom_m, self.body.profile_m[0][1]
        x = self.x_m
        corners = [(x - half, y, top), (x + half, y, top), (x + half, y, low), (x - half, y, low)]
        canvas.face(self.face, corners, light)


class Canvas:
    """A window of the scene that is being painted, addressed in world coordinates."""

    def __init__(
        self, scene: Floats, window: Window, camera: Camera, condition: Condition = IR_NIGHT
    ) -> None:
        self.pixels = scene[window.slices].copy()
        self.camera = camera
        self._condition = condition
        self._origin = np.array([window.x0, window.y0], np.float64)

    def part(self, window: Window) -> Floats:
        """What has been painted inside a window of the picture, which lies inside the canvas."""
        left, top = self._origin.astype(int).tolist()
        return self.pixels[window.y0 - top : window.y1 - top, window.x0 - left : window.x1 - left]

    def light_at(self, point_m: Point3) -> float:
        """How brightly something at a world point is lit, 1 in the middle of the read zone at night."""
        return self._condition.light_at(self.camera.distance_m(point_m))

    def _at(self, points_m: list[Point3]) -> NDArray[np.float64]:
        return self.camera.project(np.array(points_m)) - self._origin

    def fill(self, points_m: list[Point3], value: float) -> None:
        """Fill a polygon with one brightness, its edges smooth."""
        under, cover = self._cover(points_m)
        under += (value - under) * cover

    def darken(self, points_m: list[Point3], share: float) -> None:
        """Keep only `share` of the light inside a polygon."""
        under, cover = self._cover(points_m)
        under *= 1 - (1 - share) * cover

    def _cover(self, points_m: list[Point3]) -> tuple[Floats, Floats]:
        """The part of the canvas around a polygon, and how much of each pixel the polygon covers."""
        corners = self._at(points_m)
        y, x = self._clip(corners.min(axis=0) - 1, corners.max(axis=0) + 2)
        under = self.pixels[y, x]
        mask = np.zeros(under.shape, np.uint8)
        if mask.size:
            fixed = np.round((corners - (x.start, y.start)) * 2**_SUBPIXEL_BITS).astype(np.int32)
            cv2.fillPoly(mask, [fixed], (255,), cv2.LINE_AA, _SUBPIXEL_BITS)
        return under, mask * np.float32(1 / 255)

    def _clip(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[slice, slice]:
        """Rows and columns between two points, as far as they are on the canvas."""
        height, width = self.pixels.shape
        x0, y0 = np.clip(np.floor(low), 0, (width, height)).astype(int).tolist()
        x1, y1 = np.clip(np.ceil(high), 0, (width, height)).astype(int).tolist()
        return slice(y0, y1), slice(x0, x1)

    def face(self, face: Face, corners_m: list[Point3], light: float) -> None:
        """Lay a vehicle's face between four corners, clockwise from its top left."""
        corners = self._at(corners_m)
        self._lay(face.at_scale(float(corners[1, 0] - corners[0, 0])), corners, light)

    def panel(self, picture: Floats, corners_m: list[Point3], light: float) -> None:
        """Lay a flat picture as a `Face` has them between four corners, clockwise from its top left."""
        self._lay(picture, self._at(corners_m), light)

    def _lay(self, picture: Floats, corners: NDArray[np.float64], light: float) -> None:
        y, x = self._clip(corners.min(axis=0) - 1, corners.max(axis=0) + 2)
        under = self.pixels[y, x]
        if not under.size:
            return
        tall, wide = picture.shape[:2]
        edges = np.array([(0, 0), (wide, 0), (wide, tall), (0, tall)], np.float32) - np.float32(0.5)
        target = (corners - (x.start, y.start)).astype(np.float32)
        to_canvas = cv2.getPerspectiveTransform(edges, target)
        warped = cv2.warpPerspective(picture, to_canvas, under.shape[::-1])
        under *= 1 - warped[..., 2]
        under += light * warped[..., 0] + warped[..., 1]

    def glow(self, centre_m: Point3, strength: float) -> None:
        """Add the bloom of a lamp."""
        middle = self._at([centre_m])[0]
        size = int(2 * _GLOW_RADIUS_M * self.camera.focal_px / self.camera.distance_m(centre_m)) | 1
        corner = np.round(middle - size / 2)
        y, x = self._clip(corner, corner + size)
        left, top = corner.astype(int).tolist()
        bloom = cv2.resize(_BLOOM, (size, size), interpolation=cv2.INTER_LINEAR)
        seen = bloom[y.start - top : y.stop - top, x.start - left : x.stop - left]
        self.pixels[y, x] += strength * seen


def _bloom() -> Floats:
    """How a lamp's light spreads over the picture: a hot core and a wide skirt, 0 at the rim."""
    axis = np.linspace(-1, 1, 129, dtype=np.float32)
    radius = np.hypot(axis[None, :], axis[:, None])
    skirt = 0.3 * np.exp(-radius / 0.2) + 1.2 * np.exp(-((radius / 0.13) ** 2))
    fade = np.clip((1 - radius) / 0.4, 0, 1)
    return np.asarray(skirt * fade, np.float32)


_BLOOM = _bloom()


def _point(xy: NDArray[np.float64]) -> Point:
    return float(xy[0]), float(xy[1])
