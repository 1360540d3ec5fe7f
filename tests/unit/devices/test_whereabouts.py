"""Steps of the clock, and a receiver's fixes held against the surveyed site."""

from __future__ import annotations

import pytest

from anpr_edge.devices.clocksteps import ClockSteps
from anpr_edge.devices.distance import Whereabouts, distance_m
from anpr_edge.records import Fix
from tests.fakes import FakeClock

GREENWICH = (51.4779, 0.0)


@pytest.mark.parametrize(
    ("place", "metres"),
    [
        (GREENWICH, 0.0),
        ((51.4789, 0.0), 111.2),
        ((51.4779, 0.001), 69.3),
        ((48.8584, 2.2945), 333_800.0),
    ],
)
def test_distances(place: tuple[float, float], metres: float) -> None:
    assert distance_m(GREENWICH, place) == pytest.approx(metres, rel=0.006, abs=0.1)


def test_a_fix_is_told_by_its_distance_and_never_by_its_place() -> None:
    clock = FakeClock()
    fix = Fix(3, 51.4789, 0.0, 4.0, clock.now())
    told = Whereabouts(GREENWICH).look(fix, clock.now())
    assert told == {"mode": 3, "lost_s": None, "from_site_m": pytest.approx(111.2, rel=0.006), "eph_m": 4.0}


def test_the_surveyed_position_itself_is_no_measurement() -> None:
    clock = FakeClock()
    assert Whereabouts(GREENWICH).look(Fix(3, *GREENWICH, None, None), clock.now())["from_site_m"] is None
    assert Whereabouts().look(Fix(3, 1.0, 2.0, None, clock.now()), clock.now())["from_site_m"] is None


def test_how_long_there_has_been_no_fix() -> None:
    clock, where = FakeClock(), Whereabouts(GREENWICH)
    assert where.look(None, clock.now())["lost_s"] == 0
    clock.advance(30)
    assert where.look(Fix(1, None, None, None, clock.now()), clock.now())["lost_s"] == 30
    assert where.look(Fix(2, *GREENWICH, 9.0, clock.now()), clock.now())["lost_s"] is None
    clock.advance(5)
    assert where.look(None, clock.now())["lost_s"] == 0


def test_a_step_of_the_clock_is_seen_and_a_slow_turn_is_not() -> None:
    clock, steps = FakeClock(), ClockSteps()
    for _ in range(100):
        clock.advance(1)
        clock.step_utc(0.0005)
        assert steps.look(clock.now())["steps"] == 0
    clock.step_utc(-3600)
    assert steps.look(clock.now()) == {"steps": 1, "last_step_s": -3600.0, "last_step_age_s": 0.0}
    clock.advance(60)
    assert steps.look(clock.now()) == {"steps": 1, "last_step_s": -3600.0, "last_step_age_s": 60.0}
