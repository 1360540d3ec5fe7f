"""The last full hour against the same hour of earlier weeks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from anpr_edge.diag.checks.traffic import CHECK
from anpr_edge.diag.condition import Finding, Verdict
from anpr_edge.hourly import HOURS_FILE, HOURS_SCHEMA, Hours, hour_name
from tests.unit.diag.bench import Bench


def find(bench: Bench, reads: int, *, usual: int = 200, weeks: int = 3, seconds: float = 3600.0) -> Finding:
    """What is found of a last hour with so many reads after weeks with `usual` ones in all hours."""
    now = datetime.fromtimestamp(bench.clock.now().utc_ns / 1e9, UTC)
    last = now - timedelta(hours=1)
    hours: Hours = {
        hour_name(last - timedelta(hours=back)): {"seconds": 3600, "reads": usual}
        for back in range(1, weeks * 168 + 1)
    }
    hours[hour_name(last)] = {"seconds": seconds, "reads": reads}
    (bench.state_dir / HOURS_FILE).write_text(json.dumps({"schema": HOURS_SCHEMA, "hours": hours}))
    return bench.find(CHECK)["capture-rate"]


@pytest.mark.parametrize(
    ("reads", "verdict"),
    [(200, Verdict.OK), (60, Verdict.OK), (59, Verdict.WARN), (20, Verdict.WARN), (19, Verdict.FAIL)],
)
def test_collapse(bench: Bench, reads: int, verdict: Verdict) -> None:
    assert find(bench, reads).verdict is verdict


def test_an_hour_half_looked_at_has_half_the_reads(bench: Bench) -> None:
    assert find(bench, 31, seconds=1800.0).verdict is Verdict.OK
    assert find(bench, 29, seconds=1800.0).verdict is Verdict.WARN


@pytest.mark.parametrize("seconds", [0.0, 1700.0])
def test_less_than_that_tells_nothing(bench: Bench, seconds: float) -> None:
    assert find(bench, 0, seconds=seconds).verdict is Verdict.ABSENT


def test_a_quiet_road_is_no_collapse(bench: Bench) -> None:
    assert find(bench, 0, usual=29).verdict is Verdict.OK
    assert find(bench, 0, usual=31).verdict is Verdict.FAIL


def test_one_earlier_week_is_not_yet_what_is_usual(bench: Bench) -> None:
    assert find(bench, 0, weeks=1).verdict is Verdict.ABSENT


def test_the_hour_before_rush_hour_may_be_as_quiet_as_its_neighbour(bench: Bench) -> None:
    find(bench, 40, weeks=4)
    path = bench.state_dir / HOURS_FILE
    now = datetime.fromtimestamp(bench.clock.now().utc_ns / 1e9, UTC)
    hours = json.loads(path.read_text())["hours"]
    for week in (1, 2, 3):
        hours[hour_name(now - timedelta(hours=2, weeks=week))]["reads"] = 50
    path.write_text(json.dumps({"schema": HOURS_SCHEMA, "hours": hours}))
    assert bench.find(CHECK)["capture-rate"].verdict is Verdict.OK


def test_counts_that_cannot_be_read_are_not_called_well(bench: Bench) -> None:
    (bench.state_dir / HOURS_FILE).write_text("{")
    assert bench.find(CHECK)["capture-rate"].verdict is Verdict.NOT_CHECKED
