"""Every way in which a unit is known to break, each named by one code: its root cause, and nothing else.

A fault is injected with all that follows from it, as it would show on a road: with the lamps dead, frames are
black, exposure is at its limit and nothing is read, and doctor says that the lamps are dead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.diag.condition import Verdict
from anpr_edge.diag.registry import CHECKS
from anpr_edge.fleet.authority import Authority
from tests.unit.diag import faults_of_the_parts, faults_of_the_road, faults_of_the_system
from tests.unit.diag.consequences import link_down
from tests.unit.diag.faults_of_the_road import broker_down
from tests.unit.diag.faults_of_the_system import MODELS
from tests.unit.diag.whole_unit import WholeUnit, broker, make_whole_unit

FAULTS = [*faults_of_the_system.FAULTS, *faults_of_the_road.FAULTS, *faults_of_the_parts.FAULTS]

ELSEWHERE = {"disk-writable", "disk-space", "broker-tls", "broker-standby", "lists"}
"""Tests of their own break these: with disks of their own, other brokers, a keeper of lists."""

pytestmark = pytest.mark.skipif(not (MODELS / "detector.json").is_file(), reason="no trained models")


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[WholeUnit]:
    made = make_whole_unit(tmp_path)
    with broker(made):
        yield made


def test_nothing_is_wrong_with_the_whole_unit_and_hardly_anything_unchecked(unit: WholeUnit) -> None:
    lines = unit.examine()
    verdicts = {line.condition.code: line.finding.verdict for line in lines}
    # Its lamps are on a PWM pin, and nobody has captured its view.
    without = dict.fromkeys(("lamp-board", "lamp-heat", "camera-moved"), Verdict.ABSENT)
    assert {code: verdict for code, verdict in verdicts.items() if verdict is not Verdict.OK} == without


@pytest.mark.parametrize(
    ("inject", "code"), FAULTS, ids=[f"{code}:{inject.__name__}" for inject, code in FAULTS]
)
def test_the_root_cause_is_named_and_nothing_else(
    unit: WholeUnit, inject: Callable[[WholeUnit], None], code: str
) -> None:
    inject(unit)
    assert list(unit.wrong()) == [code]


@pytest.mark.parametrize("of", ["another authority", "another name"])
def test_a_broker_that_is_not_ours(tmp_path: Path, of: str) -> None:
    unit = make_whole_unit(tmp_path)
    other = Authority.create(tmp_path / "other", "otherfleet", SystemClock())
    how = {"authority": other} if of == "another authority" else {}
    with broker(unit, name="broker.example" if of == "another name" else "127.0.0.1", **how):
        link_down(unit)
        assert list(unit.wrong()) == ["broker-tls"]


def test_every_condition_is_the_root_cause_of_a_fault() -> None:
    codes = {condition.code for check in CHECKS for condition in check.conditions}
    assert codes - {code for _, code in FAULTS} == ELSEWHERE
    assert len(FAULTS) >= 80


def test_a_consequence_names_its_root_cause(unit: WholeUnit) -> None:
    broker_down(unit)
    found = {line.condition.code: line.finding for line in unit.examine()}
    assert found["uplink-link"].because == "broker-port"
    assert found["outbox-backlog"].because == "broker-port"
