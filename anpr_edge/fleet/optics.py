"""How large, how sharp and how often a camera sees a plate, worked out from where it hangs.

A thin lens over a pinhole's geometry: the road is flat, the camera looks at one point of it. Distances are in
metres along the road from below the camera, heights above the road, angles in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from anpr_edge.devices.exposure_profile import longest_shutter_us
from anpr_edge.errors import UsageError

PLATE_WIDTH_M: Final = 0.52
"""A plate in one row. Source: the usual European size, 520 by 110 mm."""
PLATE_HEIGHT_M: Final = 0.6
"""How high plates hang above the road. Source: our own choice; cars carry theirs 0.3 to 0.9 m up."""
STOCK_LENSES_MM: Final = (4.0, 6.0, 8.0, 12.0, 16.0, 25.0, 35.0, 50.0)
"""Focal lengths that makers of CS- and C-mount lenses stock."""
ROOM: Final = 1.1
"""How much wider than the lanes the picture is: poles sway, and vehicles straddle lines."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A camera's sensor: `across_px` by `down_px` pixels of `pitch_um` µm."""

    across_px: int
    down_px: int
    pitch_um: float

    @property
    def width_mm(self) -> float:
        """How wide the sensor is: 5.0 mm for the IMX296."""
        return self.across_px * self.pitch_um / 1000


SENSORS: Final[Mapping[str, Sensor]] = MappingProxyType(
    {"imx296": Sensor(1456, 1088, 3.45), "ov9281": Sensor(1280, 800, 3.0), "ov2311": Sensor(1600, 1300, 3.0)}
)
"""Global-shutter sensors that come without a colour filter. Source: the makers' product briefs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the camera hangs and what passes: the point it looks at is `distance_m` down the road.

    `offset_m` is how far the camera stands beside it, `road_width_m` what must be in the picture there.
    """

    distance_m: float
    height_m: float
    offset_m: float
    road_width_m: float
    speed_limit_km_h: float

    @property
    def above_plates_m(self) -> float:
        """How much higher than a plate the camera hangs."""
        return self.height_m - PLATE_HEIGHT_M

    @property
    def range_m(self) -> float:
        """From the lens to a plate at the point it looks at."""
        return self.range_at(self.distance_m)

    @property
    def down_deg(self) -> float:
        """How steeply it looks down on a plate there."""
        return math.degrees(math.atan2(self.above_plates_m, math.hypot(self.distance_m, self.offset_m)))

    @property
    def aside_deg(self) -> float:
        """How far from straight ahead it looks."""
        return math.degrees(math.atan2(abs(self.offset_m), self.distance_m))

    def range_at(self, distance_m: float) -> float:
        """From the lens to a plate so far down the road."""
        return math.hypot(distance_m, self.offset_m, self.above_plates_m)


@dataclass(frozen=True, slots=True)
class Camera:
    """A sensor behind a lens, whose whole width makes pictures of `picture` (width, height) px."""

    sensor: Sensor
    lens_mm: float
    picture: tuple[int, int]
    frame_rate: float
    f_number: float

    def field_m(self, range_m: float) -> float:
        """How much of the road's width the picture shows at that range."""
        return range_m * self.sensor.width_mm / self.lens_mm

    def px_per_m(self, range_m: float) -> float:
        """Picture pixels for a metre across."""
        return self.picture[0] / self.field_m(range_m)

    @property
    def half_angles_deg(self) -> tuple[float, float]:
        """Half of the picture's angle from side to side, and from top to bottom."""
        width_mm = self.sensor.width_mm
        height_mm = width_mm * self.picture[1] / self.picture[0]
        return _degrees(width_mm / 2 / self.lens_mm), _degrees(height_mm / 2 / self.lens_mm)

    def sharp_m(self, range_m: float) -> tuple[float, float]:
        """From where to where things are sharp when it is focused there; the far end may be infinite.

        Blur of one pixel of the sensor counts as sharp. Source: the usual formulas of depth of field.
        """
        focal_m = self.lens_mm / 1000
        hyperfocal_m = focal_m**2 / (self.f_number * self.sensor.pitch_um * 1e-6) + focal_m
        near = range_m * (hyperfocal_m - focal_m) / (hyperfocal_m + range_m - 2 * focal_m)
        if range_m >= hyperfocal_m:
            return near, math.inf
        return near, range_m * (hyperfocal_m - focal_m) / (hyperfocal_m - range_m)


@dataclass(frozen=True, slots=True)
class View:
    """What a camera sees from its place, in numbers."""

    lens_mm: float
    field_m: float
    plate_px: float
    near_m: float
    far_m: float
    looks: float
    shutter_us: float
    smear_px: float
    sharp_from_m: float
    sharp_to_m: float
    down_deg: float
    aside_deg: float

    @property
    def zone_m(self) -> float:
        """How much road, along it, a plate can be read on."""
        return max(0.0, self.far_m - self.near_m)


def view(camera: Camera, place: Place, least_plate_px: float) -> View:
    """What `camera` sees from `place`, where a plate is read from `least_plate_px` px of width on."""
    plate_px = _plate_px(camera, place, place.distance_m)
    near_m, far_m = _zone(camera, place, least_plate_px)
    metres_per_s = place.speed_limit_km_h / 3.6
    shutter_us = longest_shutter_us(place.speed_limit_km_h, camera.frame_rate)
    seen_from_the_side = math.sin(math.acos(place.distance_m / place.range_m))
    sharp_from_m, sharp_to_m = camera.sharp_m(place.range_m)
    return View(
        lens_mm=camera.lens_mm,
        field_m=camera.field_m(place.range_m),
        plate_px=plate_px,
        near_m=near_m,
        far_m=far_m,
        looks=max(0.0, far_m - near_m) / metres_per_s * camera.frame_rate,
        shutter_us=shutter_us,
        smear_px=metres_per_s * shutter_us * 1e-6 * seen_from_the_side * camera.px_per_m(place.range_m),
        sharp_from_m=sharp_from_m,
        sharp_to_m=sharp_to_m,
        down_deg=place.down_deg,
        aside_deg=place.aside_deg,
    )


def choose_lens_mm(sensor: Sensor, place: Place) -> float:
    """The longest stocked lens whose picture still holds the road's width, and some room, where it looks.

    Raises: UsageError when no stocked lens is wide enough.
    """
    wanted_m = place.road_width_m * ROOM
    wide_enough = [lens for lens in STOCK_LENSES_MM if place.range_m * sensor.width_mm / lens >= wanted_m]
    if not wide_enough:
        widest_m = place.range_m * sensor.width_mm / STOCK_LENSES_MM[0]
        raise UsageError(
            f"{place.road_width_m:g} m of road need {wanted_m:.1f} m of picture, "
            f"the widest lens shows {widest_m:.1f} m at {place.distance_m:g} m",
            hint="look further down the road, or use one camera for each lane",
        )
    return max(wide_enough)


def _degrees(slope: float) -> float:
    return math.degrees(math.atan(slope))


def _plate_px(camera: Camera, place: Place, distance_m: float) -> float:
    """How wide a plate is in the picture; one seen from the side is narrower."""
    facing = distance_m / math.hypot(distance_m, place.offset_m)
    return PLATE_WIDTH_M * facing * camera.px_per_m(place.range_at(distance_m))


def _zone(camera: Camera, place: Place, least_plate_px: float) -> tuple[float, float]:
    """From where to where down the road a plate is in the picture and at least so wide."""
    half_width_deg, half_height_deg = camera.half_angles_deg
    ground_near, ground_far = _between(place.above_plates_m, place.down_deg, half_height_deg)
    aside_near, aside_far = _between(abs(place.offset_m), place.aside_deg, half_width_deg)
    near = max(_along(ground_near, place), aside_near)
    return near, min(_along(ground_far, place), aside_far, _furthest(camera, place, least_plate_px))


def _between(off_m: float, axis_deg: float, half_deg: float) -> tuple[float, float]:
    """From where to where what is `off_m` off the straight line ahead is in the picture."""
    steepest, flattest = math.radians(axis_deg + half_deg), math.radians(axis_deg - half_deg)
    near = off_m / math.tan(steepest) if steepest < math.pi / 2 else 0.0
    return near, off_m / math.tan(flattest) if flattest > 0 else math.inf


def _along(ground_m: float, place: Place) -> float:
    """How far down the road a point on the ground is that is so far from below the camera."""
    return math.sqrt(max(0.0, ground_m**2 - place.offset_m**2))


def _furthest(camera: Camera, place: Place, least_plate_px: float) -> float:
    """The furthest point where a plate is that wide, 0 when there is none.

    The width rises from the side view below the camera to its best, and falls from there on.
    """
    best = min(
        (place.distance_m * step / 200 for step in range(1, 401)), key=lambda m: -_plate_px(camera, place, m)
    )
    if _plate_px(camera, place, best) < least_plate_px:
        return 0.0
    low, high = best, best + PLATE_WIDTH_M * camera.px_per_m(1.0) / least_plate_px
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _plate_px(camera, place, middle) >= least_plate_px else (low, middle)
    return low
