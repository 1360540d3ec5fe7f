"""The configuration check names the first problem and says how many there are."""

from __future__ import annotations

from anpr_edge.diag.checks.config import CHECK
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import UNIT, Bench


def test_a_good_configuration(bench: Bench) -> None:
    finding = bench.find(CHECK)["config"]
    assert finding.verdict is Verdict.OK
    assert finding.measured.endswith(f"unit testfleet/{UNIT}")


def test_a_missing_file(bench: Bench) -> None:
    bench.config.unlink()
    finding = bench.find(CHECK)["config"]
    assert finding.verdict is Verdict.FAIL
    assert "no such configuration file" in finding.measured
    assert finding.next


def test_several_problems(bench: Bench) -> None:
    bench.more = '[outbox]\nmax_megabytes = 0\n[log]\nlevel = "loud"\n'
    bench.write_config()
    finding = bench.find(CHECK)["config"]
    assert finding.verdict is Verdict.FAIL
    assert "max_megabytes" in finding.measured
    assert finding.measured.endswith("(and 1 more)")
    assert "anpr-edge config check" in finding.next
