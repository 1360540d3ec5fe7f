"""A receiver that is plugged in, one that is not, and none at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.diag.checks.gps import CHECK
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
