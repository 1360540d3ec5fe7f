"""Peak hold, frame rate and what is said of vehicles."""

from __future__ import annotations

import pytest

from anpr_edge.aim.meters import VEHICLES_KEPT, PeakHold, PlateLook, RateMeter, Vehicles
from anpr_edge.records import Box, Detection, Instant, Quad


def look(width_px: float, x: float = 100.0, sharpness: float = 0.2, clipped: float = 0.0) -> PlateLook:
    box = Box(x, 100, x + width_px, 100 + width_px / 4)
    return PlateLook(Detection(box, Quad.of_box(box), 0.9), sharpness, clipped)


def at(frame: int) -> Instant:
    return Instant(0, frame * 80_000_000)


def test_the_peak_stays_where_the_best_was() -> None:
    meter = PeakHold()
    for value in (1.0, 1.0, 2.0, 2.0, 2.0, 0.5, 0.5):
        meter.add(value)
    assert meter.state() == {"now": 0.5, "peak": 2.0}
    meter.reset()
    assert meter.state() == {"now": None, "peak": None}


def test_one_outlier_is_no_peak_and_nothing_measured_changes_nothing() -> None:
    meter = PeakHold()
    for value in (1.0, 1.0, 9.0, 1.0, None, 1.0):
        meter.add(value)
    assert meter.state() == {"now": 1.0, "peak": 1.0}


def test_the_rate_is_the_cameras_and_begins_anew_when_time_runs_back() -> None:
    meter = RateMeter()
    assert meter.per_s is None
    for frame in range(200):
        meter.add(frame * 40_000_000)
    assert meter.per_s == pytest.approx(25.0)
    meter.add(0)
    assert meter.per_s is None


def test_a_rate_that_falls_shows_within_seconds() -> None:
    meter = RateMeter()
    for frame in range(100):
        meter.add(frame * 40_000_000)
    for frame in range(40):
        meter.add(4_000_000_000 + frame * 100_000_000)
    assert meter.per_s == pytest.approx(10.0, rel=0.05)


def test_each_vehicle_has_one_vote_from_where_it_was_widest() -> None:
    vehicles = Vehicles()
    for number, widest in enumerate((90, 110, 130)):
        for frame, width in enumerate((70, 85, widest)):
            vehicles.add([look(width, sharpness=width / 1000, clipped=0.02)], at(100 * number + frame))
        for frame in range(5):
            vehicles.add([], at(100 * number + 10 + frame))
    assert vehicles.state() == {"count": 3, "width_px": 110, "sharpness": 0.11, "clipped": 0.02}


def test_a_plate_seen_once_has_no_vote() -> None:
    vehicles = Vehicles()
    vehicles.add([look(100)], at(0))
    assert vehicles.state() == {"count": 0, "width_px": None, "sharpness": None, "clipped": None}


def test_the_last_vehicles_count() -> None:
    vehicles = Vehicles()
    for number in range(VEHICLES_KEPT + 15):
        width = 50 if number < 15 else 120
        for frame in range(2):
            vehicles.add([look(width)], at(100 * number + frame))
        for frame in range(5):
            vehicles.add([], at(100 * number + 10 + frame))
    state = vehicles.state()
    assert (state["count"], state["width_px"]) == (VEHICLES_KEPT, 120)
