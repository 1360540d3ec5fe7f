"""`scripts/bench accuracy` over a few rendered pictures, as an engineer runs it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from anpr_edge.errors import BadImage, UsageError
from scripts.benchmarks import accuracy
from tests.replay.clip import sight
from tests.shipped_models import DIRECTORY

PEER = Path(__file__).resolve().parents[3] / "shared" / "peers"
FIGURES = {
    "pictures",
    "plates",
    "plates_with_text",
    "detector_recall",
    "false_plates_per_picture",
    "false_reads_per_picture",
    "capture_rate",
    "read_right",
    "read_accuracy",
    "read_accuracy_strict",
    "character_error_rate",
    "calibration_error",
    "calibration_error_by_chance",
    "surest_90_accuracy",
    "surest_90_floor",
    "ms",
    "processor_ms",
}


def bench(*arguments: str | Path) -> int:
    parser = ArgumentParser()
    accuracy.add_parser(parser.add_subparsers())
    given = parser.parse_args(["accuracy", "--models", str(DIRECTORY), *map(str, arguments)])
    return int(given.run(given))


def put(folder: Path, rows: list[dict[str, Any]]) -> Path:
    file = folder / "labels.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Scenes, crops and backgrounds as the training recipe wants them; one plate in all."""
    for kind in ("scenes", "crops", "backgrounds"):
        (tmp_path / kind).mkdir()
    seen = sight()
    box = seen.quad.box
    common = {"source": "rendered", "tier": "A", "country": "gb"}
    plates = [{"box": [box.x0, box.y0, box.x1, box.y1], "corners": None, "text": seen.text}]
    cv2.imwrite(str(tmp_path / "scenes" / "car.png"), seen.pixels)
    cv2.imwrite(str(tmp_path / "scenes" / "empty.png"), np.full((720, 1280), 40, np.uint8))
    cv2.imwrite(str(tmp_path / "crops" / "plate.png"), seen.crop())
    scenes: list[dict[str, Any]] = [
        {**common, "image": "car.png", "ir": True, "plates": plates},
        {**common, "image": "empty.png", "plates": []},
    ]
    put(tmp_path / "scenes", scenes)
    put(tmp_path / "crops", [{**common, "image": "plate.png", "text": seen.text}])
    put(tmp_path / "backgrounds", [])
    (tmp_path / "scenes" / "corners.jsonl").touch()
    return tmp_path


def test_scenes_as_json(collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(collection / "scenes" / "labels.jsonl", "--json") == 0
    printed = capsys.readouterr().out
    assert sight().text not in printed
    result = json.loads(printed)
    assert (result["bench"], result["kind"], result["pictures"]) == ("accuracy", "scenes", 2)
    assert result["machine"]["processor"]
    (ours,) = result["slices"].values()
    assert {"all", "source rendered", "country gb", "infrared", "no plate"} <= set(ours)
    assert set(ours["all"]) == FIGURES
    assert ours["all"]["detector_recall"]["value"] == ours["infrared"]["read_right"]["value"] == 1
    assert ours["no plate"]["false_reads_per_picture"]["value"] == 0
    assert 0 < ours["all"]["ms"]["p50"] <= ours["all"]["ms"]["p95"]


def test_crops_as_a_table(collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(collection / "crops" / "labels.jsonl", "--crops") == 0
    printed = capsys.readouterr()
    assert "1 crop;" in printed.out
    assert "right/plates" in printed.out
    assert "recall" not in printed.out
    assert sight().text not in printed.out + printed.err


def test_every_figure_is_documented() -> None:
    text = (DIRECTORY.parent / "docs" / "accuracy.md").read_text()
    assert [key for key in FIGURES if f"`{key}`" not in text] == []


def test_a_split_of_the_recipe_or_a_list_of_names(collection: Path, tmp_path: Path) -> None:
    labels = collection / "scenes" / "labels.jsonl"
    by_split = [accuracy.names_of_split(split, labels) for split in accuracy.SPLITS]
    assert sorted(name for names in by_split for name in names) == ["car.png", "empty.png", "plate.png"]
    assert any({"car.png", "plate.png"} <= names for names in by_split), "one plate, one split"
    (tmp_path / "names").write_text("car.png\n\n")
    chosen = accuracy.Choice(labels, split=str(tmp_path / "names")).pictures()
    assert [picture.image for picture in chosen] == ["car.png"]


def test_a_split_that_is_none_is_said(collection: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--split weekdays: cannot be read"):
        bench(collection / "scenes" / "labels.jsonl", "--split", "weekdays")
    (collection / "backgrounds" / "labels.jsonl").unlink()
    with pytest.raises(UsageError, match="not the recipe's collection"):
        bench(collection / "scenes" / "labels.jsonl", "--split", "validation")


def test_a_broken_picture_is_named_with_its_line(collection: Path) -> None:
    (collection / "scenes" / "empty.png").write_bytes(b"no picture")
    with pytest.raises(BadImage, match=r"labels\.jsonl:2: .*empty\.png"):
        bench(collection / "scenes" / "labels.jsonl")


def test_a_picture_that_is_too_small_is_named_with_its_line(collection: Path) -> None:
    cv2.imwrite(str(collection / "scenes" / "empty.png"), np.zeros((8, 8), np.uint8))
    with pytest.raises(BadImage, match=r"labels\.jsonl:2: a picture of 8x8 px"):
        bench(collection / "scenes" / "labels.jsonl")


@pytest.mark.shared
def test_the_peer_stands_beside(collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if not PEER.is_dir():
        pytest.skip("the peer's models are not beside the checkout")
    for labels, crops in (("scenes", []), ("crops", ["--crops"])):
        assert bench(collection / labels / "labels.jsonl", "--peer", PEER, "--json", *crops) == 0
        slices = json.loads(capsys.readouterr().out)["slices"]
        assert list(slices) == ["anpr-edge", "fast-alpr"]
        assert set(slices["fast-alpr"]["all"]) == FIGURES
        assert slices["fast-alpr"]["all"]["ms"]["p50"] > 0
