"""Threads that only help a service: at work, idle by right, and hanging."""

from __future__ import annotations

from typing import Any

import pytest

from anpr_edge.diag.checks.helpers import CHECK
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import Bench

WELL: dict[str, Any] = {"gps": {"age_s": 0.4, "limit_s": 10.0}, "view": {"age_s": None, "limit_s": 60.0}}


def test_those_at_work_are_named_and_idle_ones_are_not(bench: Bench) -> None:
    bench.say("reader", helpers=WELL)
    bench.say("uplink", helpers={"probe": {"age_s": 3.0, "limit_s": 120.0}})
    found = bench.find(CHECK)["service-helpers"]
    assert (found.verdict, found.measured) == (Verdict.OK, "gps, probe")


@pytest.mark.parametrize("process", ["reader", "uplink"])
def test_one_that_hangs_is_named_with_its_limit(bench: Bench, process: str) -> None:
    bench.say("reader", helpers=WELL)
    bench.say("uplink")
    bench.say(process, helpers={**WELL, "gps": {"age_s": 11.0, "limit_s": 10.0}})
    found = bench.find(CHECK)["service-helpers"]
    assert (found.verdict, found.measured) == (Verdict.FAIL, "late: gps 11 s (limit 10 s)")


def test_services_of_an_older_release_say_nothing_of_them(bench: Bench) -> None:
    bench.say("reader")
    assert bench.find(CHECK)["service-helpers"].verdict is Verdict.OK
