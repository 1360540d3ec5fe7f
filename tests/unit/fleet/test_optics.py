"""What a camera sees from its pole: known answers, and a road walked step by step."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.errors import UsageError
from anpr_edge.fleet.optics import (
    PLATE_HEIGHT_M,
    PLATE_WIDTH_M,
    ROOM,
    SENSORS,
    STOCK_LENSES_MM,
    Camera,
    Place,
    choose_lens_mm,
    view,
)

IMX296 = SENSORS["imx296"]
AHEAD = Place(20.0, PLATE_HEIGHT_M + 0.001, 0.0, 3.65, 113.0)
LEAST_PX = 74.0


def camera(lens_mm: float = 25.0, **changed: float) -> Camera:
    return Camera(IMX296, lens_mm, (1280, 720), 30.0, changed.get("f_number", 2.0))


@pytest.mark.parametrize(("lens_mm", "distance_m"), [(16.0, 20.0), (25.0, 31.25)])
def test_the_field_is_distance_times_sensor_over_lens(lens_mm: float, distance_m: float) -> None:
    assert camera(lens_mm).field_m(distance_m) == pytest.approx(6.28, abs=0.01)


def test_143_px_a_metre_are_74_px_a_plate() -> None:
    seen = view(camera(16.0), AHEAD, LEAST_PX)
    assert seen.plate_px == pytest.approx(PLATE_WIDTH_M * 1280 / 6.28, abs=0.2)
    assert round(PLATE_WIDTH_M * 143) == LEAST_PX


def test_the_shutter_is_the_one_the_unit_takes() -> None:
    assert view(camera(), AHEAD, LEAST_PX).shutter_us == pytest.approx(804.5, abs=0.1)


def test_what_comes_straight_at_the_camera_does_not_smear_across() -> None:
    assert view(camera(), AHEAD, LEAST_PX).smear_px < 0.01


def test_what_crosses_the_view_smears_by_its_whole_way() -> None:
    beside = Place(0.01, PLATE_HEIGHT_M + 0.001, 20.0, 3.65, 113.0)
    seen = view(camera(), beside, LEAST_PX)
    way_m = 113 / 3.6 * seen.shutter_us * 1e-6
    assert seen.smear_px == pytest.approx(way_m * camera().px_per_m(20.0), rel=0.01)


def test_focused_at_the_hyperfocal_distance_all_is_sharp_from_half_of_it() -> None:
    hyperfocal_m = 0.025**2 / (2.0 * 3.45e-6) + 0.025
    near, far = camera().sharp_m(hyperfocal_m)
    assert near == pytest.approx(hyperfocal_m / 2, rel=1e-3)
    assert far == math.inf


def test_a_closed_aperture_makes_more_sharp() -> None:
    (near, far), (nearer, further) = (camera(f_number=f).sharp_m(20.0) for f in (2.0, 8.0))
    assert nearer < near < 20.0 < far < further


@given(st.floats(8, 60), st.floats(1, 10))
def test_the_chosen_lens_is_the_longest_that_shows_the_lanes(distance_m: float, road_m: float) -> None:
    place = Place(distance_m, 4.0, 2.0, road_m, 113.0)
    try:
        chosen = choose_lens_mm(IMX296, place)
    except UsageError:
        assert camera(STOCK_LENSES_MM[0]).field_m(place.range_m) < ROOM * road_m
        return
    assert camera(chosen).field_m(place.range_m) >= ROOM * road_m
    longer = [lens for lens in STOCK_LENSES_MM if lens > chosen]
    assert all(camera(lens).field_m(place.range_m) < ROOM * road_m for lens in longer)


@pytest.mark.parametrize(
    ("place", "lens_mm"),
    [
        (Place(20.0, 4.0, 2.0, 3.65, 113.0), 25.0),
        (Place(30.0, 6.0, 3.0, 7.3, 80.0), 16.0),
        (Place(12.0, 4.0, 5.0, 3.65, 48.0), 12.0),
        (Place(10.0, 8.0, 0.0, 3.65, 48.0), 8.0),
        (Place(30.0, 4.0, 2.0, 3.65, 113.0), 8.0),
    ],
)
def test_the_zone_is_where_a_walked_plate_is_in_the_picture_and_wide_enough(
    place: Place, lens_mm: float
) -> None:
    seen = view(camera(lens_mm), place, LEAST_PX)
    walked = [metres / 20 for metres in range(20, 2000) if _readable(metres / 20, place, lens_mm)]
    if not walked:
        assert seen.zone_m < 0.1
        return
    assert seen.near_m == pytest.approx(walked[0], abs=0.25)
    assert seen.far_m == pytest.approx(walked[-1], abs=0.25)
    assert seen.looks == pytest.approx(seen.zone_m / (place.speed_limit_km_h / 3.6) * 30)


def _readable(metres: float, place: Place, lens_mm: float) -> bool:
    """Project a plate by turning the world, as a camera on a pole does: aside first, then down."""
    across, along, down = place.offset_m, metres, place.height_m - PLATE_HEIGHT_M
    aside, tilt = math.atan2(place.offset_m, place.distance_m), math.radians(place.down_deg)
    right = across * math.cos(aside) - along * math.sin(aside)
    ahead = across * math.sin(aside) + along * math.cos(aside)
    depth = ahead * math.cos(tilt) + down * math.sin(tilt)
    below = down * math.cos(tilt) - ahead * math.sin(tilt)
    focal_px = lens_mm / IMX296.width_mm * 1280
    x, y = focal_px * right / depth, focal_px * below / depth
    range_m = math.hypot(across, along, down)
    width_px = PLATE_WIDTH_M * along / math.hypot(across, along) * focal_px / range_m
    return depth > 0 and abs(x) <= 640 and abs(y) <= 360 and width_px >= LEAST_PX
