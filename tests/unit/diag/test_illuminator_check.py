"""The lamps' PWM channel: exported, to be exported, or not there. A folder stands in for the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.diag.checks.illuminator import CHECK, CONTROLS
from anpr_edge.diag.condition import Finding, Verdict
from tests.unit.diag.bench import Bench


@pytest.fixture
def chip(tmp_path: Path) -> Path:
    """A chip of two channels, the first exported, as sysfs shows it."""
    chip = tmp_path / "pwmchip0"
    (chip / "pwm0").mkdir(parents=True)
    for file in (chip / "export", *(chip / "pwm0" / name for name in CONTROLS)):
        file.touch()
    (chip / "npwm").write_text("2\n")
    return chip


def find(bench: Bench, pwm: Path) -> Finding:
    bench.more = f'\n[illuminator]\npwm = "{pwm}"\n'
    bench.write_config()
    return bench.find(CHECK)["illuminator"]


def test_no_lamps_are_wanted(bench: Bench) -> None:
    assert bench.find(CHECK)["illuminator"].verdict is Verdict.OK


@pytest.mark.parametrize("channel", ["pwm0", "pwm1"])
def test_a_channel_of_the_chip(bench: Bench, chip: Path, channel: str) -> None:
    assert find(bench, chip / channel).verdict is Verdict.OK


@pytest.mark.parametrize("channel", ["pwm2", "lamps", "../pwmchip1/pwm0"])
def test_a_channel_that_the_chip_has_not(bench: Bench, chip: Path, channel: str) -> None:
    finding = find(bench, chip / channel)
    assert finding.verdict is Verdict.FAIL
    assert "/sys/class/pwm" in finding.next


def test_a_channel_without_its_controls(bench: Bench, chip: Path) -> None:
    (chip / "pwm0" / "enable").unlink()
    assert "has no enable" in find(bench, chip / "pwm0").measured
