"""Plates are held at their brightness on a rendered road, by day, at dusk and by night, without hunting."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anpr_edge.devices.exposure import (
    LONELY_S,
    PROBE_S,
    PROBES,
    REST_S,
    TRIAL_EVERY_S,
    ExposureController,
)
from anpr_edge.devices.exposure_profile import day_and_night, longest_shutter_us
from anpr_edge.records import Brightness
from tests.exposed_road import DUSK, NIGHT, NOON, OVERCAST, Drive, ExposedRoad

SHUTTER_MAX_US = longest_shutter_us(113, 30)
TARGET_GREY = 150.0
STARTED_S = 80.0


def make_controller(lamps: float = 1.0) -> ExposureController:
    day, night = day_and_night(shutter_max_us=SHUTTER_MAX_US, max_gain=8, night_lamp_level=lamps)
    return ExposureController(day, night, target_grey=TARGET_GREY, start_light=2000)


def drive(road: ExposedRoad, seconds: float = STARTED_S, lamps: float = 1.0) -> Drive:
    """A unit that has been looking at this road for a while."""
    driven = Drive(road, make_controller(lamps))
    driven.run(seconds)
    return driven


def held(driven: Drive) -> bool:
    """Whether plates are as they should be: half a stop, and the noise of a few looks."""
    return abs(math.log2(driven.plate_grey / TARGET_GREY)) < 0.7 and driven.clipped < 0.1


@pytest.mark.parametrize("sun", [NOON, OVERCAST, DUSK, NIGHT])
def test_plates_are_held_in_any_light_and_then_left_alone(sun: float) -> None:
    driven = drive(ExposedRoad(sun))
    driven.run(60)
    assert held(driven)
    assert len(driven.road.told) <= 1
    assert driven.controller.limit is None


def test_by_night_plates_are_right_though_the_scene_is_black() -> None:
    driven = drive(ExposedRoad(NIGHT))
    driven.run(20)
    assert held(driven)
    assert max(look.scene_grey for look in driven.looks) < 10
    assert driven.controller.profile == "night"


def test_by_day_the_lamps_are_off() -> None:
    driven = drive(ExposedRoad(NOON))
    assert driven.controller.profile == "day"
    assert driven.road.exposure.lamp_level == 0


@pytest.mark.parametrize("sun", [NOON, NIGHT])
def test_clean_and_dirty_plates_in_turn_do_not_make_it_hunt(sun: float) -> None:
    driven = drive(ExposedRoad(sun))

    def change(share: float) -> None:
        vehicle = int(share * 120 / 3)
        driven.road.shine = (1.3, 0.6, 1.0)[vehicle % 3]

    driven.run(120, change)
    assert len(driven.road.told) <= 3


def test_a_camera_that_bends_its_greys_is_held_too() -> None:
    driven = drive(ExposedRoad(NIGHT, gamma=2.2))
    driven.run(60)
    assert held(driven)
    assert len(driven.road.told) <= 1


def test_no_light_makes_the_shutter_longer_than_the_road_allows() -> None:
    driven = Drive(ExposedRoad(NIGHT, lamps=1e-5), make_controller())
    driven.run(200)
    assert driven.road.told
    assert max(told.shutter_us for told in driven.road.told) <= SHUTTER_MAX_US
    assert max(told.gain for told in driven.road.told) <= 8


def test_a_unit_that_does_not_drive_its_lamps_has_shutter_and_gain() -> None:
    driven = drive(ExposedRoad(DUSK), lamps=0.0)
    driven.road.set_level(1.0)
    driven.run(60)
    assert held(driven)
    assert {told.lamp_level for told in driven.road.told} <= {0.0}


def sunset(driven: Drive) -> Callable[[float], None]:
    """Twelve stops, in steps of an eighth."""

    def change(share: float) -> None:
        driven.road.sun = NOON * 2 ** (-round(96 * share) / 8)

    return change


def sunrise(driven: Drive) -> Callable[[float], None]:
    """The same the other way."""
    return lambda share: sunset(driven)(1 - share)


# ── from day to night and back ──────────────────────────────────────────────────────────────


def test_at_sunset_the_lamps_come_on_once_and_no_plate_gets_lost_on_the_way() -> None:
    driven = drive(ExposedRoad(NOON))

    driven.run(360, sunset(driven))
    assert driven.profiles == ["day", "night"]
    assert driven.road.exposure.lamp_level > 0.5
    assert held(driven)
    assert len(driven.looks) >= 0.95 * 360 / 3 * 7


def test_at_sunrise_the_lamps_go_off_once_and_no_plate_gets_lost_on_the_way() -> None:
    driven = drive(ExposedRoad(NIGHT))

    driven.run(360, sunrise(driven))
    assert driven.profiles == ["night", "day"]
    assert driven.road.exposure.lamp_level == 0
    assert held(driven)
    assert len(driven.looks) >= 0.95 * 360 / 3 * 7


@pytest.mark.parametrize("start", [NOON, NIGHT])
@pytest.mark.parametrize("sun", [0.0004, 0.0009, 0.002, 0.005])
def test_between_day_and_night_it_settles_for_one_and_stays(start: float, sun: float) -> None:
    driven = drive(ExposedRoad(start))
    driven.road.sun = sun
    driven.run(60)
    driven.run(90)
    assert len(driven.profiles) == 1
    assert len(driven.road.told) <= 1
    assert abs(math.log2(driven.plate_grey / TARGET_GREY)) < 0.7
    assert driven.clipped < 0.2


def test_lamps_too_strong_for_the_road_are_dimmed_and_not_taken_for_the_sun() -> None:
    driven = drive(ExposedRoad(NIGHT, lamps=1 / 60))
    driven.run(3 * TRIAL_EVERY_S)
    assert driven.profiles == ["night"]
    assert held(driven)


def test_a_dark_day_ends_a_trial_of_the_day_at_once() -> None:
    controller = make_controller()
    lit = Brightness(scene_grey=60, plate_grey=150, plate_clipped=0)
    bright = Brightness(scene_grey=60, plate_grey=255, plate_clipped=0.7)
    seconds = 0.0
    while controller.profile == "night" and seconds < 200:
        seconds += 0.1
        controller.update(bright if controller.exposure.lamp_level > 0.125 else lit, round(seconds * 1e9))
    assert controller.profile == "day"
    for _ in range(6):
        seconds += 0.1
        controller.update(Brightness(scene_grey=1), round(seconds * 1e9))
    assert str(controller.profile) == "night"


# ── without plates ──────────────────────────────────────────────────────────────────────────


def test_morning_comes_on_an_empty_road_and_the_first_plate_is_right() -> None:
    driven = drive(ExposedRoad(NIGHT))
    driven.road.headway_s = None

    driven.run(360, sunrise(driven))
    assert driven.controller.profile == "day"
    assert driven.looks == []
    driven.road.headway_s = 3.0
    driven.run(9)
    assert len(driven.looks) > 10
    assert driven.clipped < 0.2


def test_an_empty_road_by_night_is_not_brightened_until_plates_would_glare() -> None:
    driven = drive(ExposedRoad(NIGHT))
    driven.road.headway_s = None
    driven.run(2 * LONELY_S)
    assert driven.controller.held_by in ("scene", "probe")
    driven.run(REST_S + PROBE_S)  # ends outside a probe or in one: plates show in either
    driven.road.headway_s = 3.0
    driven.run(6)
    assert len(driven.looks) > 6


def test_a_lonely_unit_tries_settings_to_both_sides_and_goes_back() -> None:
    driven = drive(ExposedRoad(NIGHT))
    driven.road.headway_s = None
    driven.run(LONELY_S + REST_S)
    driven.run(len(PROBES) * (REST_S + PROBE_S + 1))
    lights = [told.shutter_us * told.gain * told.lamp_level for told in driven.road.told]
    middle = max(set(lights), key=lights.count)
    assert min(lights) < middle / 1.9 < middle * 1.9 < max(lights)
    assert lights.count(middle) >= 4


def test_on_a_lonely_evening_both_profiles_are_tried() -> None:
    driven = drive(ExposedRoad(NOON))
    for driven.road.sun in (OVERCAST, OVERCAST / 3):
        driven.run(50)
    assert driven.controller.profile == "day"
    driven.road.headway_s = None
    driven.run(LONELY_S + len(PROBES) * (REST_S + PROBE_S + 1))
    assert driven.profiles == ["day", "night", "day"]


def test_plates_that_only_a_probe_shows_are_found_and_held() -> None:
    driven = Drive(ExposedRoad(NIGHT, lamps=1 / 300), make_controller())
    driven.run(15)
    assert driven.looks == []  # burnt out, ink and all
    driven.run(200)
    driven.run(30)
    assert held(driven)


def test_glimpses_of_burnt_out_plates_do_not_keep_the_scene_from_leading() -> None:
    controller = make_controller()
    before = controller.exposure
    for number in range(120):
        glimpse = number % 7 == 0
        seen = Brightness(134, 255, 0.9) if glimpse else Brightness(134)
        controller.update(seen, number * 10**8)
    after = controller.exposure
    assert after.shutter_us * after.gain < before.shutter_us * before.gain / 3


def test_one_glimpse_in_a_probe_does_not_make_it_the_middle() -> None:
    driven = drive(ExposedRoad(NIGHT))
    driven.road.headway_s = None
    driven.run(LONELY_S + REST_S)
    controller, middle = driven.controller, driven.controller.exposure
    now_s = 1000.0
    while controller.held_by != "probe":
        controller.update(Brightness(scene_grey=4), round((now_s := now_s + 0.1) * 1e9))
    assert controller.exposure != middle
    controller.update(Brightness(4, 150, 0), round((now_s := now_s + 1) * 1e9))
    for _ in range(round(10 * PROBE_S)):
        controller.update(Brightness(scene_grey=4), round((now_s := now_s + 0.1) * 1e9))
    assert controller.exposure == middle


def test_headlights_that_flood_the_road_for_a_moment_move_nothing() -> None:
    driven = drive(ExposedRoad(NIGHT))
    driven.road.headway_s = None
    driven.road.sun = NOON
    driven.run(3)
    driven.road.sun = NIGHT
    driven.run(20)
    assert driven.road.told == []


def test_a_cloud_that_lifts_is_followed_though_no_plate_has_come() -> None:
    driven = drive(ExposedRoad(OVERCAST / 4))
    driven.road.headway_s = None
    driven.road.sun = NOON
    driven.run(20)
    driven.road.headway_s = 3.0
    driven.run(9)
    assert driven.clipped < 0.5
    assert len(driven.looks) > 10


@pytest.mark.parametrize("grey", [0.0, 255.0])
def test_a_covered_or_blinded_lens_is_survived(grey: float) -> None:
    driven = drive(ExposedRoad(NOON))
    start_ns = driven.road.instant(10**6).mono_ns
    for number in range(3000):
        driven.controller.update(Brightness(scene_grey=grey), start_ns + number * 10**8)
    assert driven.controller.limit == ("bright" if grey else None)
    driven.controller.update(Brightness(grey), 10**9)  # so that the road's own time counts again
    driven.run(60)
    driven.run(30)
    assert held(driven)


# ── limits and time ─────────────────────────────────────────────────────────────────────────


def test_lamps_too_weak_for_plates_are_a_limit_that_lasts() -> None:
    driven = Drive(ExposedRoad(NIGHT, lamps=1 / 120_000), make_controller())
    driven.run(100)
    driven.run(60)
    assert driven.looks
    assert driven.controller.limit == "dark"
    assert driven.controller.limit_s > 60
    assert driven.controller.exposure.gain == 8


def test_a_camera_with_less_gain_than_it_is_asked_for_is_at_its_limit() -> None:
    driven = Drive(ExposedRoad(NIGHT, lamps=1 / 60_000, most_gain=2), make_controller())
    driven.run(200)
    driven.run(30)
    assert driven.looks
    assert driven.controller.limit == "dark"


def test_a_camera_that_answers_late_does_not_make_it_hunt() -> None:
    driven = drive(ExposedRoad(NIGHT, latency_frames=8))
    driven.run(60)
    assert held(driven)
    assert len(driven.road.told) <= 1


def test_a_limit_ends_when_there_is_light_again() -> None:
    driven = Drive(ExposedRoad(NIGHT, lamps=1 / 120_000), make_controller())
    driven.run(100)
    driven.road.lamps = 1 / 1300
    driven.run(60)
    assert driven.controller.limit is None
    assert driven.controller.limit_s == 0


def test_too_much_light_is_a_limit() -> None:
    driven = drive(ExposedRoad(30 * NOON))
    assert driven.controller.limit == "bright"
    assert driven.controller.exposure.shutter_us == 30


def test_time_that_goes_backwards_ends_no_wait_early_and_holds_nothing_up() -> None:
    driven = drive(ExposedRoad(NIGHT))
    before = driven.controller.exposure
    driven.controller.update(Brightness(scene_grey=3), 0)
    assert driven.controller.exposure == before
    driven.run(30)
    assert held(driven)
    assert driven.controller.held_by == "plates"


GREYS = st.floats(0, 255)
SEEN = st.builds(Brightness, GREYS, GREYS, st.floats(0, 1)) | st.builds(Brightness, GREYS)


@settings(max_examples=50)
@given(st.lists(st.tuples(SEEN, st.integers(-(10**11), 10**12)), max_size=60), st.sampled_from([0.0, 0.7]))
def test_nothing_that_is_seen_at_any_time_makes_it_leave_its_range(
    frames: list[tuple[Brightness, int]], lamps: float
) -> None:
    controller = make_controller(lamps)
    now_ns = 0
    for seen, step_ns in frames:
        now_ns = max(0, now_ns + step_ns)
        made = controller.update(seen, now_ns)
        assert 30 <= made.shutter_us <= SHUTTER_MAX_US
        assert 1 <= made.gain <= 8
        assert 0 <= made.lamp_level <= lamps
        assert controller.limit_s >= 0
