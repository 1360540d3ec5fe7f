"""What every Clock promises, the real one and the fake."""

from __future__ import annotations

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.seams import Clock
from tests.fakes import FakeClock


@pytest.fixture(params=[SystemClock, FakeClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_monotonic_time_never_runs_back(clock: Clock) -> None:
    instants = [clock.now() for _ in range(50)]
    mono = [instant.mono_ns for instant in instants]
    assert mono == sorted(mono)


def test_sleep_lasts_at_least_as_long_as_asked(clock: Clock) -> None:
    before = clock.now()
    clock.sleep(0.01)
    assert clock.now().mono_ns - before.mono_ns >= 10_000_000


def test_sleeping_for_less_than_nothing_returns(clock: Clock) -> None:
    before = clock.now()
    clock.sleep(0.0)
    assert clock.now().mono_ns >= before.mono_ns


def test_utc_is_of_this_century(clock: Clock) -> None:
    assert clock.now().utc_ns > 1_700_000_000 * 1_000_000_000


def test_error_is_unknown_or_not_negative(clock: Clock) -> None:
    error_ms = clock.now().utc_error_ms
    assert error_ms is None or error_ms >= 0
