"""A rendered vehicle's front or rear, turned to any angle before the camera, and its plate's true corners.

Only the face is drawn, as a flat picture in space before an empty road: what changes from pose to pose is the
angle, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.render.camera_look import CameraLook, Window
from anpr_edge.capture.render.conditions import CONDITIONS, Condition
from anpr_edge.capture.render.flow import Flow, make_flow
from anpr_edge.capture.render.scene import Camera, empty_road
from anpr_edge.capture.render.vehicles import Canvas, Point3, Vehicle
from anpr_edge.records import Point, Quad
from anpr_edge.vision.rectify import quad_sides

WIDTH_PX: Final = 1280
HEIGHT_PX: Final = 720
LEVEL: Final = Camera(WIDTH_PX, HEIGHT_PX, 2.0 * WIDTH_PX, 0.0, 0.0, 0.0, 0.0)
"""The camera before which vehicles are turned: it looks straight ahead, along y."""
LIT_FROM_M: Final = 16.0
"""All are lit as in the middle of the read zone, however far off their size puts them."""
SPOT_SHARES: Final = ((0.35, 0.4), (0.65, 0.7))
"""Where in the picture the plate's middle may be, from left and top to right and bottom."""
_ROAD_SEED: Final = 7
_STEPS: Final = 8


@dataclass(frozen=True, slots=True)
class Pose:
    """How a plate is turned, in degrees.

    `yaw_deg` takes its right side away from the camera, `pitch_deg` brings its top nearer, as a camera
    high up sees it, `roll_deg` then turns the picture clockwise.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0

    def mirrored(self) -> Pose:
        """The same to the other side."""
        return Pose(-self.yaw_deg, self.pitch_deg, -self.roll_deg)

    def turn(self) -> NDArray[np.float64]:
        """The rotation (3, 3) of points x right, y ahead, z up about the plate's middle."""
        yaw, pitch, roll = (math.radians(angle) for angle in (self.yaw_deg, self.pitch_deg, self.roll_deg))
        about_x = np.array(
            [
                [1, 0, 0],
                [0, math.cos(pitch), -math.sin(pitch)],
                [0, math.sin(pitch), math.cos(pitch)],
            ]
        )
        about_z = np.array([[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1]])
        about_y = np.array(
            [[math.cos(roll), 0, math.sin(roll)], [0, 1, 0], [-math.sin(roll), 0, math.cos(roll)]]
        )
        return np.asarray(about_y @ about_z @ about_x, np.float64)


@dataclass(frozen=True, slots=True)
class Subject:
    """A vehicle to be posed, its light, where in the picture its plate's middle stands, and its noise."""

    vehicle: Vehicle
    condition: Condition
    spot: Point
    seed: int


def subjects(seed: int, count: int) -> Iterator[Subject]:
    """`count` vehicles, each light in turn."""
    each = -(-count // len(CONDITIONS))
    flows = [
        make_flow(Flow(each), light, np.random.default_rng((seed, n))) for n, light in enumerate(CONDITIONS)
    ]
    (left, top), (right, bottom) = SPOT_SHARES
    for number in range(count):
        row, light = divmod(number, len(CONDITIONS))
        rng = np.random.default_rng((seed, number, 1))
        spot = float(rng.uniform(left, right)) * WIDTH_PX, float(rng.uniform(top, bottom)) * HEIGHT_PX
        yield Subject(flows[light][row], CONDITIONS[light], spot, seed + number)


def pictured(subject: Subject, pose: Pose, plate_width_px: float) -> tuple[NDArray[np.uint8], Quad]:
    """The subject in a pose, its plate so wide along its edges: uint8 (720, 1280), and its plate's corners.

    The width is the mean of the upper and the lower edge's lengths.
    """
    vehicle = subject.vehicle
    distance_m = _distance_m(subject, pose, plate_width_px)
    road, look = _road(subject.condition)
    whole = Window(0, 0, WIDTH_PX, HEIGHT_PX)
    canvas = Canvas(road, whole, LEVEL, subject.condition)
    half, tall = vehicle.body.half_width_m, vehicle.body.face_height_m
    outline = [(-half, tall), (half, tall), (half, 0.0), (-half, 0.0)]
    light = subject.condition.light_at(LIT_FROM_M)
    canvas.face(vehicle.face, _placed(subject, pose, distance_m, outline), light)
    for x, z, glow in vehicle.face.lamps:
        (lamp,) = _placed(subject, pose, distance_m, [(x, z)])
        canvas.glow(lamp, glow)
    rng = np.random.default_rng(subject.seed)
    return look.develop(canvas.pixels, whole, 0.0, rng), _corners(subject, pose, distance_m)


def _distance_m(subject: Subject, pose: Pose, plate_width_px: float) -> float:
    """How far off the plate is as wide as that."""
    distance_m = LIT_FROM_M
    for _ in range(_STEPS):
        across, _ = quad_sides(_corners(subject, pose, distance_m))
        distance_m *= across / plate_width_px
    return distance_m


def _corners(subject: Subject, pose: Pose, distance_m: float) -> Quad:
    left, top, right, bottom = subject.vehicle.face.plate_m
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    seen = LEVEL.project(np.array(_placed(subject, pose, distance_m, corners))) + 0.5
    return Quad(*((float(x), float(y)) for x, y in seen))


def _placed(subject: Subject, pose: Pose, distance_m: float, points: list[Point]) -> list[Point3]:
    """Points of the face, x from its middle and z from its bottom in metres, out before the camera."""
    left, top, right, bottom = subject.vehicle.face.plate_m
    about = np.array([(left + right) / 2, 0.0, (top + bottom) / 2])
    across = (subject.spot[0] - WIDTH_PX / 2) / LEVEL.focal_px
    down = (subject.spot[1] - HEIGHT_PX / 2) / LEVEL.focal_px
    middle = distance_m * np.array([across, 1.0, -down])
    flat = np.array([(x, 0.0, z) for x, z in points]) - about
    return [(float(x), float(y), float(z)) for x, y, z in flat @ pose.turn().T + middle]


@lru_cache(maxsize=len(CONDITIONS))
def _road(condition: Condition) -> tuple[NDArray[np.float32], CameraLook]:
    """What is behind the vehicle, and the camera's lens and sensor."""
    rng = np.random.default_rng(_ROAD_SEED)
    camera = Camera.on_pole(WIDTH_PX, HEIGHT_PX)
    road = empty_road(camera, rng, lamp=condition.lamp, ambient=condition.ambient)
    veil, veil_grey = condition.veil, condition.veil_grey
    look = CameraLook(WIDTH_PX, HEIGHT_PX, condition.gain, rng, veil=veil, veil_grey=veil_grey)
    return road, look
