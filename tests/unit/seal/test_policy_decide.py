"""(policy, read, moment) → feeds, and what they see: tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.records import Fix, Instant, PlateRead
from anpr_edge.seal.policy.calendar import local_time, runs_at
from anpr_edge.seal.policy.coarse import as_seen
from anpr_edge.seal.policy.decide import Ruling, ruling
from anpr_edge.seal.policy.model import ALWAYS_ON, Calendar, Hours
from tests.sealed_reads import made_up_read
from tests.unit.seal.policies import CHARGING, LONDON_HOURS, POLICE, POLICY

NIGHTS = Calendar("Europe/London", (Hours((4, 5), 22 * 60, 6 * 60),), off_days=(date(2026, 11, 8),))
SPELL = Calendar("UTC", ALWAYS_ON.weekly, date(2026, 11, 2), date(2026, 11, 4))


@pytest.mark.parametrize(
    ("calendar", "local", "runs"),
    [
        (LONDON_HOURS, "2026-11-23 06:59", False),  # a Monday
        (LONDON_HOURS, "2026-11-23 07:00", True),
        (LONDON_HOURS, "2026-11-23 17:59", True),
        (LONDON_HOURS, "2026-11-23 18:00", False),
        (LONDON_HOURS, "2026-11-22 11:59", False),  # a Sunday
        (LONDON_HOURS, "2026-11-22 12:00", True),
        (LONDON_HOURS, "2026-12-25 12:00", False),  # a day off
        (NIGHTS, "2026-11-06 21:59", False),  # a Friday
        (NIGHTS, "2026-11-06 22:00", True),
        (NIGHTS, "2026-11-07 05:59", True),
        (NIGHTS, "2026-11-07 06:00", False),
        (NIGHTS, "2026-11-07 23:59", True),
        (NIGHTS, "2026-11-08 00:00", False),  # the night goes on into a day off
        (NIGHTS, "2026-11-15 05:00", True),
        (NIGHTS, "2026-11-16 05:00", False),
        (SPELL, "2026-11-01 23:59", False),
        (SPELL, "2026-11-02 00:00", True),
        (SPELL, "2026-11-04 23:59", True),
        (SPELL, "2026-11-05 00:00", False),
        (ALWAYS_ON, "2026-02-28 23:59", True),
        (Calendar("UTC", ()), "2026-02-28 12:00", False),
    ],
)
def test_when_a_feed_runs(calendar: Calendar, local: str, runs: bool) -> None:
    assert runs_at(calendar, datetime.fromisoformat(local)) is runs


@pytest.mark.parametrize(
    ("utc", "local"),
    [
        ("2026-07-01 06:30", "07:30"),
        ("2026-12-01 06:30", "06:30"),
        ("2026-03-29 00:59", "00:59"),  # clocks go forward: 01:00 is 02:00
        ("2026-03-29 01:00", "02:00"),
        ("2026-10-25 00:30", "01:30"),  # clocks go back: half past one comes twice
        ("2026-10-25 01:30", "01:30"),
    ],
)
def test_local_time_follows_the_zones_summer(utc: str, local: str) -> None:
    utc_ns = int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp()) * 10**9
    assert f"{local_time(utc_ns, 'Europe/London'):%H:%M}" == local


def read_at(local: str, zone: str = "Europe/London") -> PlateRead:
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
    first = Instant(int(moment.timestamp() * 1e9), 5_000_000_000, 2.0)
    last = Instant(first.utc_ns + 400_000_000, 5_400_000_000, 2.0)
    return replace(made_up_read(), first=first, last=last)


OPEN_HOURS = "2026-09-23 10:00"
WINDOW = replace(POLICY, from_utc_s=0, until_utc_s=2 * 10**9)


@pytest.mark.parametrize(
    ("change", "local", "expected"),
    [
        ({}, OPEN_HOURS, Ruling.GIVEN),
        ({}, "2026-09-23 20:00", Ruling.OUT_OF_HOURS),
        ({"confidence": 0.8}, OPEN_HOURS, Ruling.GIVEN),
        ({"confidence": 0.79}, OPEN_HOURS, Ruling.OTHER_READS),
        ({"syntax": None}, OPEN_HOURS, Ruling.OTHER_READS),
        ({"confidence": 0.1}, "2040-01-01 10:00", Ruling.POLICY_NOT_VALID),
    ],
)
def test_what_becomes_of_a_read(change: Mapping[str, object], local: str, expected: Ruling) -> None:
    read = replace(read_at(local), **change)  # type: ignore[arg-type]
    assert ruling(WINDOW, CHARGING, read) is expected


def test_every_feed_is_ruled_on_by_itself() -> None:
    night_watch = replace(POLICE, calendar=ALWAYS_ON, reads="all", min_confidence=0.0)
    policy = replace(WINDOW, feeds=(CHARGING, night_watch))
    unsure = replace(read_at("2026-09-23 23:00"), confidence=0.2, syntax=None)
    assert [ruling(policy, feed, unsure) for feed in policy.feeds] == [Ruling.OUT_OF_HOURS, Ruling.GIVEN]


def test_exact_terms_change_nothing() -> None:
    read = made_up_read()
    assert as_seen(read, replace(CHARGING, time_ms=1, place_m=0)) is read


@given(
    offset_ns=st.integers(0, 3_600 * 10**9 - 1), span_ms=st.integers(0, 59_999), lag_ms=st.integers(0, 59_999)
)
def test_within_a_step_nothing_tells_when_it_was(offset_ns: int, span_ms: int, lag_ms: int) -> None:
    """The same vehicle anywhere in the hour looks the same, up to which minute it was."""
    start_ns = 1_790_000_000 // 3600 * 3600 * 10**9
    first = Instant(start_ns + offset_ns, 7 * 10**9 + offset_ns, 2.0)
    last = Instant(first.utc_ns + span_ms * 10**6, first.mono_ns + span_ms * 10**6, 2.0)
    taken = Instant(first.utc_ns - lag_ms * 10**6, first.mono_ns - lag_ms * 10**6, 2.0)
    read = replace(made_up_read(), first=first, last=last, fix=Fix(3, 51.5, -0.12, 1.5, taken))
    seen = as_seen(read, CHARGING)
    assert seen.first.utc_ns == start_ns + offset_ns // (60 * 10**9) * 60 * 10**9
    assert seen.last.mono_ns == seen.first.mono_ns
    assert seen.fix is not None
    assert seen.fix.taken is not None
    assert seen.fix.taken.mono_ns == seen.first.mono_ns


@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180), step_m=st.integers(1, 100_000))
def test_a_coarse_place_is_on_the_grid_and_near(lat: float, lon: float, step_m: int) -> None:
    read = replace(made_up_read(), fix=Fix(3, lat, lon, 1.5, None))
    fix = as_seen(read, replace(CHARGING, place_m=step_m, time_ms=1)).fix
    assert fix is not None
    assert fix.lat_deg is not None
    assert fix.lon_deg is not None
    assert abs(fix.lat_deg - lat) <= step_m / 111_195 / 2 + 1e-9
    assert -90 <= fix.lat_deg <= 90
    assert -180 <= fix.lon_deg <= 180
    assert fix.eph_m == max(1.5, float(step_m))


def test_places_within_a_cell_look_the_same() -> None:
    def seen(lat: float, lon: float) -> Fix | None:
        return as_seen(replace(made_up_read(), fix=Fix(3, lat, lon, None, None)), CHARGING).fix

    assert seen(51.50001, -0.12001) == seen(51.50002, -0.12002)
    assert seen(51.50001, -0.12001) != seen(51.50301, -0.12001)


def test_no_fix_stays_no_fix() -> None:
    fix = as_seen(replace(made_up_read(), fix=Fix(1, None, None, None, None)), CHARGING).fix
    assert fix == Fix(1, None, None, None, None)
    assert as_seen(replace(made_up_read(), fix=None), CHARGING).fix is None
