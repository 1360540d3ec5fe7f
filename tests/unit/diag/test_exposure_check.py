"""Exposure at its limits: said once it has lasted, with what to do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from anpr_edge.diag.checks.exposure import CHECK
from anpr_edge.diag.condition import Finding, Verdict
from tests.unit.diag.bench import Bench
from tests.unit.diag.test_services_check import say

WELL = {
    "shutter_us": 201,
    "gain": 1.0,
    "lamp_level": 0.44,
    "lamp_fault": "",
    "profile": "night",
    "held_by": "plates",
    "plate_grey": 150.0,
    "scene_grey": 4.0,
    "limit": None,
    "limit_s": 0.0,
}


def find(bench: Bench, exposure: dict[str, Any] | None) -> Finding:
    say(bench, "reader", exposure=exposure)
    return bench.find(CHECK)["exposure"]


def test_plates_are_held(bench: Bench) -> None:
    finding = find(bench, WELL)
    assert finding.verdict is Verdict.OK
    assert finding.measured == "night: 201 µs, gain 1.0, lamps 44 %"


def test_a_unit_without_lamps_says_nothing_of_them(bench: Bench) -> None:
    assert find(bench, {**WELL, "lamp_level": None}).measured == "night: 201 µs, gain 1.0"


@pytest.mark.parametrize(("exposure", "words"), [(None, "fixed"), ({}, "no frame yet")])
def test_what_is_not_controlled_is_not_at_its_limit(
    bench: Bench, exposure: dict[str, Any] | None, words: str
) -> None:
    finding = find(bench, exposure)
    assert finding.verdict is Verdict.OK
    assert words in finding.measured


@pytest.mark.parametrize(("limit", "step"), [("dark", "clean window"), ("bright", "close the aperture")])
def test_at_a_limit_for_long(bench: Bench, limit: str, step: str) -> None:
    finding = find(bench, {**WELL, "limit": limit, "limit_s": 720.0})
    assert finding.verdict is Verdict.WARN
    assert finding.measured == f"too {limit} for 12 min at 201 µs, gain 1.0, lamps 44 %"
    assert step in finding.next


def test_a_moment_at_a_limit_is_no_fault(bench: Bench) -> None:
    assert find(bench, {**WELL, "limit": "dark", "limit_s": 599.0}).verdict is Verdict.OK


def test_lamps_that_do_not_obey(bench: Bench) -> None:
    finding = find(bench, {**WELL, "lamp_fault": "/sys/x: cannot write 1"})
    assert finding.verdict is Verdict.FAIL
    assert "/sys/x" in finding.measured
    assert "illuminator" in finding.next


NOON, MIDNIGHT = datetime(2026, 12, 10, 12, tzinfo=UTC), datetime(2026, 12, 10, 0, tzinfo=UTC)
DUSK = datetime(2026, 12, 10, 16, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("utc", "lat_deg", "profile", "verdict"),
    [
        (MIDNIGHT, 51.5, "night", Verdict.OK),
        (MIDNIGHT, 51.5, "day", Verdict.WARN),
        (NOON, 36.0, "day", Verdict.OK),
        (NOON, 36.0, "night", Verdict.WARN),
        (NOON, 60.0, "night", Verdict.OK),
        (DUSK, 51.5, "day", Verdict.OK),
        (DUSK, 51.5, "night", Verdict.OK),
        (NOON, None, "night", Verdict.ABSENT),
    ],
)
def test_day_and_night_by_the_sun(
    bench: Bench, utc: datetime, lat_deg: float | None, profile: str, verdict: Verdict
) -> None:
    if lat_deg is not None:
        place = f"[site]\nlat_deg = {lat_deg}\nlon_deg = 0.0\n"
        bench.config.write_text(bench.config.read_text().replace("[site]\n", place))
    bench.clock.step_utc(utc.timestamp() - bench.clock.now().utc_ns / 1e9)
    say(bench, "reader", exposure={**WELL, "profile": profile})
    assert bench.find(CHECK)["day-night"].verdict is verdict
