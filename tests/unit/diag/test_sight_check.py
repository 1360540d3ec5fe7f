"""A camera that is blocked, dazzled, wet, out of focus or too far away: each by its own name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anpr_edge.diag.checks.sight import CHECK
from anpr_edge.diag.condition import Verdict
from anpr_edge.hourly import HOURS_FILE, HOURS_SCHEMA, hour_name
from tests.unit.diag.bench import Bench

PLATES = {"looks": 200, "sharpness": 0.45, "contrast": 110.0, "width_px": 98.0}
WELL = {
    "dark_grey": 7.0,
    "middle_grey": 20.0,
    "bright_grey": 60.0,
    "clipped": 0.001,
    "dark": False,
    "flat_s": None,
    "glare_s": None,
    "plates": PLATES,
}
USUAL = {"seconds": 3600, "reads": 200, "sharpness": 0.45, "contrast": 110.0, "dark_grey": 7.0}


def verdicts(bench: Bench, *, plates: dict[str, Any] | None = None, **sight: Any) -> dict[str, Verdict]:
    bench.say(
        "reader", sight={**WELL, "plates": {**PLATES, **(plates or {})}, **sight}, reads={"too_small": 0}
    )
    return {code: finding.verdict for code, finding in bench.find(CHECK).items()}


def learn(bench: Bench, days: int = 7, **usual: float) -> None:
    """Let this hour have been so on earlier days."""
    now = datetime.fromtimestamp(bench.clock.now().utc_ns / 1e9, UTC)
    hours = {hour_name(now - timedelta(days=back)): {**USUAL, **usual} for back in range(2, days + 2)}
    (bench.state_dir / HOURS_FILE).write_text(json.dumps({"schema": HOURS_SCHEMA, "hours": hours}))


def not_ok(found: dict[str, Verdict]) -> dict[str, Verdict]:
    return {code: verdict for code, verdict in found.items() if verdict is not Verdict.OK}


def test_all_is_well_with_and_without_a_usual(bench: Bench) -> None:
    assert not_ok(verdicts(bench)) == {"lens-haze": Verdict.ABSENT}
    learn(bench)
    assert not_ok(verdicts(bench)) == {}


def test_in_the_dark_nobody_can_tell_a_blocked_camera(bench: Bench) -> None:
    learn(bench)
    assert not_ok(verdicts(bench, dark=True)) == {"camera-blocked": Verdict.ABSENT}


@pytest.mark.parametrize(("for_s", "verdict"), [(59.0, Verdict.WARN), (60.0, Verdict.FAIL)])
def test_blocked(bench: Bench, for_s: float, verdict: Verdict) -> None:
    learn(bench)
    assert not_ok(verdicts(bench, flat_s=for_s)) == {"camera-blocked": verdict}


@pytest.mark.parametrize(("for_s", "verdict"), [(599.0, Verdict.WARN), (600.0, Verdict.FAIL)])
def test_dazzled(bench: Bench, for_s: float, verdict: Verdict) -> None:
    learn(bench)
    assert not_ok(verdicts(bench, glare_s=for_s, clipped=0.2)) == {"lens-glare": verdict}


def test_wet_or_dirty_is_pale_plates_and_a_veil(bench: Bench) -> None:
    learn(bench)
    pale = {"contrast": 60.0}
    assert not_ok(verdicts(bench, plates=pale, dark_grey=40.0)) == {"lens-haze": Verdict.WARN}
    assert not_ok(verdicts(bench, plates={"contrast": 32.0}, dark_grey=40.0)) == {"lens-haze": Verdict.FAIL}
    assert not_ok(verdicts(bench, plates=pale)) == {}
    assert not_ok(verdicts(bench, dark_grey=40.0)) == {}


@pytest.mark.parametrize(
    ("sharpness", "verdict"), [(0.23, Verdict.OK), (0.22, Verdict.WARN), (0.11, Verdict.FAIL)]
)
def test_less_crisp_than_usual(bench: Bench, sharpness: float, verdict: Verdict) -> None:
    learn(bench)
    assert verdicts(bench, plates={"sharpness": sharpness})["focus"] is verdict


@pytest.mark.parametrize(
    ("sharpness", "verdict"), [(0.06, Verdict.OK), (0.04, Verdict.WARN), (0.02, Verdict.FAIL)]
)
def test_blurred_before_there_is_a_usual(bench: Bench, sharpness: float, verdict: Verdict) -> None:
    learn(bench, days=4)
    assert verdicts(bench, plates={"sharpness": sharpness})["focus"] is verdict


@pytest.mark.parametrize(
    ("width_px", "verdict"), [(74.0, Verdict.OK), (73.0, Verdict.WARN), (59.0, Verdict.FAIL)]
)
def test_plates_too_small(bench: Bench, width_px: float, verdict: Verdict) -> None:
    assert verdicts(bench, plates={"width_px": width_px})["plate-width"] is verdict


def test_few_looks_tell_nothing_unless_plates_were_too_small_for_one(bench: Bench) -> None:
    few = {"looks": 29, "sharpness": 0.01}
    found = verdicts(bench, plates=few)
    assert {found[code] for code in ("focus", "lens-haze", "plate-width")} == {Verdict.ABSENT}
    bench.say("reader", sight={**WELL, "plates": {**PLATES, **few}}, reads={"too_small": 301})
    assert bench.find(CHECK)["plate-width"].verdict is Verdict.FAIL


def test_no_frame_yet_and_a_reader_that_does_not_say(bench: Bench) -> None:
    bench.say("reader", sight={})
    assert {one.verdict for one in bench.find(CHECK).values()} == {Verdict.ABSENT}
    bench.say("reader")
    assert {one.verdict for one in bench.find(CHECK).values()} == {Verdict.NOT_CHECKED}


def test_a_usual_that_cannot_be_read_is_not_called_unknown(bench: Bench) -> None:
    (bench.state_dir / HOURS_FILE).write_text("{")
    found = verdicts(bench)
    assert (found["lens-haze"], found["focus"]) == (Verdict.NOT_CHECKED, Verdict.OK)
