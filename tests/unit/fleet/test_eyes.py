"""From how near one may look into the lamps, against figures worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from anpr_edge.fleet.eyes import Lamp, burn_weight

LAMP = Lamp(wavelength_nm=850, intensity_w_sr=30, emitters=6, emitter_mm=5, across_mm=60)


@pytest.mark.parametrize(("nm", "weight"), [(780, 0.692), (850, 0.501), (940, 0.331)])
def test_the_retina_minds_longer_waves_less(nm: float, weight: float) -> None:
    assert burn_weight(nm) == pytest.approx(weight, abs=0.001)


def test_the_cornea_is_held_to_100_w_m2() -> None:
    assert LAMP.irradiance_w_m2(0.2) == pytest.approx(750)
    assert LAMP.cornea_from_m == pytest.approx(0.548, abs=0.001)
    assert LAMP.irradiance_w_m2(LAMP.cornea_from_m) == pytest.approx(100)


def test_the_retina_is_held_to_6000_over_the_subtense() -> None:
    """5 W/sr from a disc of 5 mm are 254.6 kW/m²sr, 127.6 weighted; the limit is that at 47 mrad."""
    assert LAMP.radiance_w_m2_sr == pytest.approx(127.6e3, rel=0.001)
    assert LAMP.retina_from_m == pytest.approx(0.060 / (6000 / 127.6e3), rel=0.001)
    assert LAMP.from_m == LAMP.retina_from_m


def test_a_single_small_emitter_has_the_limit_that_makers_quote() -> None:
    """160 mW/sr: OSRAM's note on infrared emitters gives 545.5 mW/mm²sr for the smallest image."""
    dot = Lamp(850, 0.16, 1, 1, 1)
    at_limit = replace(dot, intensity_w_sr=dot.intensity_w_sr * 545.45e3 / dot.radiance_w_m2_sr)
    assert at_limit.retina_from_m == pytest.approx(0.001 / 0.011, rel=0.001)
    assert math.isinf(replace(at_limit, intensity_w_sr=at_limit.intensity_w_sr * 1.01).retina_from_m)


def test_wide_and_weak_lamps_are_safe_at_any_distance_for_the_retina() -> None:
    assert replace(LAMP, emitter_mm=8).retina_from_m == 0


@pytest.mark.parametrize(
    "wrong", [{"wavelength_nm": 700.0}, {"wavelength_nm": 1100.0}, {"emitters": 0}, {"emitter_mm": 70.0}]
)
def test_what_the_limits_do_not_hold_for_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"nm|emitter"):
        replace(LAMP, **wrong)
