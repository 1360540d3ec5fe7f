"""What a lamp board's reports make of its conditions."""

from __future__ import annotations

from typing import Any

import pytest

from anpr_edge.diag.checks import housing
from anpr_edge.diag.checks.lamp_board import CHECK
from anpr_edge.diag.condition import Finding, Verdict
from tests.unit.diag.bench import Bench

WELL: dict[str, Any] = {
    "silent_s": 0.2,
    "bad_lines": 0,
    "level": 0.7,
    "current_ma": 1050,
    "lamp_temperature_c": 41.2,
    "supply_v": 12.0,
    "flags": [],
}
SILENT = {**WELL, "silent_s": 8.0, "level": None, "current_ma": None}


def find(bench: Bench, said: dict[str, Any] | None) -> dict[str, Finding]:
    bench.more = '\n[illuminator]\nboard = "/dev/ttyLAMPS"\n'
    bench.write_config()
    bench.say("reader", lamp_board=said)
    return {**bench.find(CHECK), **bench.find(housing.CHECK)}


def verdicts(found: dict[str, Finding]) -> dict[str, Verdict]:
    return {code: finding.verdict for code, finding in found.items()}


def test_a_unit_without_one_is_well(bench: Bench) -> None:
    bench.say("reader", lamp_board=None)
    assert bench.find(CHECK)["lamp-board"].verdict is Verdict.ABSENT


def test_all_is_well(bench: Bench) -> None:
    assert set(verdicts(find(bench, WELL)).values()) == {Verdict.OK}


def test_a_silent_board_hides_the_rest(bench: Bench) -> None:
    found = find(bench, SILENT)
    assert found["lamp-board"].verdict is Verdict.FAIL
    assert found["lamp-board"].measured == "/dev/ttyLAMPS: silent for 8 s"
    assert Verdict.FAIL not in [f.verdict for code, f in found.items() if code != "lamp-board"]


def test_nothing_said_is_not_ok(bench: Bench) -> None:
    assert find(bench, None)["lamp-board"].verdict is Verdict.NOT_CHECKED


@pytest.mark.parametrize(
    ("flags", "code", "verdict", "words"),
    [
        (["lamp-fault"], "lamp-current", Verdict.FAIL, "1050 mA at 70 %"),
        (["hot"], "lamp-heat", Verdict.WARN, "41 °C"),
        (["door", "door-opened"], "tamper", Verdict.FAIL, "open now"),
        (["door-opened"], "tamper", Verdict.FAIL, "was opened"),
        (["was-moved"], "tamper", Verdict.FAIL, "was tilted"),
    ],
)
def test_each_flag_is_a_condition(
    bench: Bench, flags: list[str], code: str, verdict: Verdict, words: str
) -> None:
    found = find(bench, {**WELL, "flags": flags})
    assert found[code].verdict is verdict
    assert words in found[code].measured
    assert found[code].next
    assert [c for c, v in verdicts(found).items() if v is not Verdict.OK] == [code]
