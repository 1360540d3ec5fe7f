"""Stages that fall silent are named; counters and percentiles are exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.daemon.health import Counters, Heartbeats, Latencies
from tests.fakes import FakeClock


def test_a_silent_stage_is_late_after_its_own_limit_and_not_before() -> None:
    clock = FakeClock()
    beats = Heartbeats(clock, {"capture": 2.0, "commit": 10.0})
    clock.advance(2.0)
    assert beats.late() == []
    clock.advance(0.1)
    assert [age.stage for age in beats.late()] == ["capture"]
    beats.beat("capture")
    assert beats.late() == []


def test_a_suspended_stage_is_never_late_until_it_beats_again() -> None:
    clock = FakeClock()
    beats = Heartbeats(clock, {"capture": 2.0})
    beats.suspend("capture")
    clock.advance(1000)
    assert beats.late() == []
    assert beats.state() == {"capture": {"age_s": None, "limit_s": 2.0}}
    beats.beat("capture")
    clock.advance(3)
    assert [age.age_s for age in beats.late()] == [3.0]


def test_a_step_of_the_wall_clock_makes_no_stage_late() -> None:
    clock = FakeClock()
    beats = Heartbeats(clock, {"capture": 2.0})
    clock.step_utc(3600)
    assert beats.late() == []


def test_a_stage_has_to_be_declared() -> None:
    with pytest.raises(KeyError, match="declared are capture"):
        Heartbeats(FakeClock(), {"capture": 1.0}).beat("captrue")


def test_drops_are_counted_by_cause() -> None:
    drops = Counters()
    drops.add("queue-full", 2)
    drops.add("queue-full")
    drops.add("stalled", 0)
    assert drops.state() == {"queue-full": 3}


def test_percentiles_are_of_the_newest_values() -> None:
    latencies = Latencies(size=100)
    assert latencies.percentile(50) is None
    for value in range(1, 201):
        latencies.add(float(value))
    assert [latencies.percentile(p) for p in (0, 50, 95, 100)] == [101.0, 150.0, 195.0, 200.0]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0.1, 100))
def test_a_percentile_is_one_of_the_values_and_bounds_its_share(values: list[float], percent: float) -> None:
    latencies = Latencies(size=50)
    for value in values:
        latencies.add(value)
    result = latencies.percentile(percent)
    assert result in values
    assert sum(value <= result for value in values) >= percent / 100 * len(values) - 1e-9
