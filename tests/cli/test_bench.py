"""`scripts/bench scan` measures what it says, with the machine named."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from anpr_edge.errors import UsageError
from scripts.benchmarks.scan import measure, report
from tests.replay.clip import sight
from tests.shipped_models import DIRECTORY

PEER = Path(__file__).resolve().parents[3] / "shared" / "peers"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), sight().pixels)
    return tmp_path


def test_the_stages_add_up_and_the_machine_is_named(pictures: Path) -> None:
    result = measure(pictures, DIRECTORY, None, limit=10, size=None)
    assert (result["pictures"], result["plates"]) == (2, 2)
    assert result["machine"]["processor"]
    assert ["closeup" in model for model in result["models"]] == [True, False]
    assert list(result["model_ms"]) == ["detector", "closeup", "recogniser"]
    for stage in ("detect", "read", "total", "processor"):
        assert 0 < result["ms"][stage]["p50"] <= result["ms"][stage]["p95"]
    assert result["ms"]["total"]["p50"] > result["ms"]["detect"]["p50"]
    assert result["resident_mb"] > 0
    assert "peer_ms" not in result
    assert result["machine"]["processor"] in report(result)


def test_pictures_can_be_brought_to_one_size(pictures: Path) -> None:
    assert measure(pictures, DIRECTORY, None, limit=1, size=(640, 360))["size"] == "640x360"


def test_no_pictures_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no pictures"):
        measure(tmp_path, DIRECTORY, None, limit=10, size=None)


@pytest.mark.shared
def test_the_peer_runs_beside(pictures: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if not PEER.is_dir():
        pytest.skip("the peer's models are not beside the checkout")
    result = measure(pictures, DIRECTORY, PEER, limit=10, size=None)
    assert all(ratio > 0 for ratio in result["times_faster"].values())
    assert "the peer takes" in report(result)
