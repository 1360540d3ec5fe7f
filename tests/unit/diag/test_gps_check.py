"""A receiver that is plugged in, one that is not, and none at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anpr_edge.diag.checks.gps import CHECK, FIX_CHECK
from anpr_edge.diag.condition import Finding, Verdict
from tests.unit.diag.bench import Bench


def find(bench: Bench, device: Path) -> Finding:
    bench.more = f'\n[gps]\ndevice = "{device}"\n'
    bench.write_config()
    return bench.find(CHECK)["gps"]


def test_no_receiver_is_wanted(bench: Bench) -> None:
    finding = bench.find(CHECK)["gps"]
    assert (finding.verdict, finding.measured) == (Verdict.OK, "none configured: no position")


def test_a_receiver_is_a_character_device(bench: Bench) -> None:
    assert find(bench, Path("/dev/null")).verdict is Verdict.OK


@pytest.mark.parametrize(("name", "words"), [("ttyACM0", "no such"), ("unit.toml", "not a serial device")])
def test_no_receiver_where_one_is_wanted(bench: Bench, name: str, words: str) -> None:
    finding = find(bench, bench.directory / name)
    assert finding.verdict is Verdict.FAIL
    assert words in finding.measured
    assert "/dev/serial" in finding.next


AT_SITE = {"mode": 3, "lost_s": None, "from_site_m": 12.0, "eph_m": 8.0}


def find_fix(bench: Bench, fix: dict[str, Any]) -> dict[str, Finding]:
    bench.more = '\n[gps]\ndevice = "/dev/null"\n'
    bench.write_config()
    bench.say("reader", fix=fix)
    return bench.find(FIX_CHECK)


def test_a_fix_at_the_site(bench: Bench) -> None:
    found = find_fix(bench, AT_SITE)
    assert {one.verdict for one in found.values()} == {Verdict.OK}


@pytest.mark.parametrize(
    ("lost_s", "verdict"), [(20.0, Verdict.WARN), (299.0, Verdict.WARN), (300.0, Verdict.FAIL)]
)
def test_no_fix_is_a_failure_once_it_has_lasted(bench: Bench, lost_s: float, verdict: Verdict) -> None:
    found = find_fix(bench, {"mode": 1, "lost_s": lost_s, "from_site_m": None, "eph_m": None})
    assert found["gps-fix"].verdict is verdict
    assert found["gps-distance"].verdict is Verdict.ABSENT


@pytest.mark.parametrize(("far_m", "verdict"), [(107.0, Verdict.OK), (109.0, Verdict.FAIL)])
def test_far_from_the_site_beyond_what_the_receiver_may_be_off(
    bench: Bench, far_m: float, verdict: Verdict
) -> None:
    found = find_fix(bench, {**AT_SITE, "from_site_m": far_m})
    assert found["gps-distance"].verdict is verdict


def test_a_unit_without_a_receiver_has_no_fix_to_check(bench: Bench) -> None:
    bench.say("reader", fix=AT_SITE)
    assert {one.verdict for one in bench.find(FIX_CHECK).values()} == {Verdict.ABSENT}


def test_an_older_reader_that_does_not_say(bench: Bench) -> None:
    assert find_fix(bench, {"mode": 3})["gps-fix"].verdict is Verdict.NOT_CHECKED
