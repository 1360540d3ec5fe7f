"""Amounts of light become shutter, gain and lamp level, never beyond what the road and the sensor allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.devices.exposure_profile import SHUTTER_MIN_US, day_and_night, longest_shutter_us
from anpr_edge.records import Exposure

DAY, NIGHT = day_and_night(shutter_max_us=800, max_gain=8, day_lamp_level=0.25, night_lamp_level=0.5)


@pytest.mark.parametrize("speed_km_h", [20, 50, 113, 300])
def test_no_plate_moves_more_than_25_mm_while_the_shutter_is_open(speed_km_h: float) -> None:
    moved_mm = speed_km_h / 3.6 * 1e3 * longest_shutter_us(speed_km_h, 30) / 1e6
    assert moved_mm == pytest.approx(25, rel=0.02)


def test_a_slow_road_does_not_make_the_shutter_longer_than_a_frame() -> None:
    assert longest_shutter_us(2, 30) == pytest.approx(33_333, rel=1e-4)


@pytest.mark.parametrize(
    ("light", "expected"),
    [
        (0, Exposure(30, 1, 0.0625)),
        (10, Exposure(80, 1, 0.0625)),
        (25, Exposure(200, 1, 0.0625)),
        (100, Exposure(200, 1, 0.25)),
        (200, Exposure(200, 1, 0.5)),
        (400, Exposure(400, 1, 0.5)),
        (800, Exposure(800, 1, 0.5)),
        (1600, Exposure(800, 2, 0.5)),
        (1e9, Exposure(800, 8, 0.5)),
    ],
)
def test_night_takes_a_short_shutter_then_lamps_then_blur_then_noise(
    light: float, expected: Exposure
) -> None:
    assert NIGHT.exposure(light) == expected


@pytest.mark.parametrize(
    ("light", "expected"),
    [(0, Exposure(30, 1, 0.25)), (100, Exposure(100, 1, 0.25)), (3200, Exposure(800, 4, 0.25))],
)
def test_day_leaves_the_lamps_at_their_own_level(light: float, expected: Exposure) -> None:
    assert DAY.exposure(light) == expected


@given(light=st.floats(0, 1e6), more=st.floats(1.0, 100.0))
def test_more_light_never_means_less_of_anything(light: float, more: float) -> None:
    for profile in (DAY, NIGHT):
        before, after = profile.exposure(light), profile.exposure(light * more)
        assert SHUTTER_MIN_US <= before.shutter_us <= after.shutter_us * 1.000001 <= 800.001
        assert 1 <= before.gain <= after.gain * 1.000001 <= 8.001
        assert 0 <= before.lamp_level <= after.lamp_level * 1.000001 <= 0.501


@given(light=st.floats(5, 6000))
def test_the_settings_make_the_light_that_was_asked_for(light: float) -> None:
    made = NIGHT.exposure(light)
    assert made.shutter_us * made.gain * made.lamp_level / 0.5 == pytest.approx(light)


def test_a_unit_without_lamps_has_shutter_and_gain_alone() -> None:
    for profile in day_and_night(shutter_max_us=800, max_gain=8):
        assert profile.exposure(100) == Exposure(100, 1, 0)
        assert profile.exposure(6400) == Exposure(800, 8, 0)


def test_lamps_are_never_brighter_by_day_than_they_may_be_at_all() -> None:
    day, _ = day_and_night(shutter_max_us=800, max_gain=8, day_lamp_level=1.0, night_lamp_level=0.5)
    assert day.exposure(100).lamp_level == 0.5
