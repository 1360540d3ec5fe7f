"""Models that are whole run; damaged, mismatched and absent ones are named. Uses the real models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from anpr_edge.config import find_models_directory
from anpr_edge.diag.checks.models import CHECK, SPEED_CHECK
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import Bench

REAL = find_models_directory()
NAMES = ("detector", "closeup", "recogniser")

pytestmark = pytest.mark.skipif(
    not all((REAL / f"{name}.json").is_file() for name in NAMES),
    reason=f"no trained models in {REAL.name}/",
)


@pytest.fixture
def models(bench: Bench) -> Path:
    """The unit's own copy of the real models."""
    folder = bench.directory / "models"
    folder.mkdir()
    for name in NAMES:
        for suffix in (".json", ".tflite"):
            shutil.copy(REAL / f"{name}{suffix}", folder)
    bench.more = f'[models]\ndirectory = "{folder}"\n'
    bench.write_config()
    return folder


def test_all_run(bench: Bench, models: Path) -> None:
    findings = bench.find(CHECK)
    assert [finding.verdict for finding in findings.values()] == [Verdict.OK] * len(NAMES)
    assert findings["model-detector"].measured.startswith("detector-")


def test_one_flipped_bit(bench: Bench, models: Path) -> None:
    content = bytearray((models / "detector.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (models / "detector.tflite").write_bytes(content)
    findings = bench.find(CHECK)
    assert findings["model-detector"].verdict is Verdict.FAIL
    assert "SHA-256" in findings["model-detector"].measured
    assert findings["model-recogniser"].verdict is Verdict.OK


def test_a_card_that_is_not_there(bench: Bench, models: Path) -> None:
    (models / "recogniser.json").unlink()
    finding = bench.find(CHECK)["model-recogniser"]
    assert finding.verdict is Verdict.FAIL
    assert "recogniser.json" in finding.measured
    assert finding.next


@pytest.mark.parametrize(
    ("latency_ms", "verdict"), [(None, Verdict.ABSENT), (250.0, Verdict.OK), (260.0, Verdict.WARN)]
)
def test_speed_is_held_against_the_roads_speed(
    bench: Bench, latency_ms: float | None, verdict: Verdict
) -> None:
    bench.say("reader", latency_ms={"frame_p50": latency_ms})
    assert bench.find(SPEED_CHECK)["model-speed"].verdict is verdict


def test_on_a_slower_road_there_is_more_time(bench: Bench) -> None:
    bench.more = "\n[exposure]\nspeed_limit_km_h = 48\n"
    bench.write_config()
    bench.say("reader", latency_ms={"frame_p50": 500.0})
    assert bench.find(SPEED_CHECK)["model-speed"].verdict is Verdict.OK
