"""A model runs only when it is what its card says. Each case spoils one thing of the shipped detector."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anpr_edge.errors import ModelError
from anpr_edge.vision.detector import TfliteDetector
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.tflite import TfliteModel, to_int8
from tests.shipped_models import DIRECTORY, need_tflite_runtime

Spoil = Callable[[dict[str, Any]], None]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in ("detector", "recogniser"):
        for suffix in (".tflite", ".json"):
            shutil.copy(DIRECTORY / f"{name}{suffix}", tmp_path)
    return tmp_path


def edit(path: Path, spoil: Spoil) -> None:
    card = json.loads(path.read_text())
    spoil(card)
    path.write_text(json.dumps(card))


def test_the_shipped_models_load(models: Path) -> None:
    detector = TfliteModel.load(models, "detector")
    assert detector.input_shape == (320, 448)
    assert [output.shape[-1] for output in detector.run(np.zeros((320, 448), np.int8))] == [1, 2, 2, 8]
    recogniser = TfliteModel.load(models, "recogniser")
    assert recogniser.run(np.zeros((40, 144), np.int8))[0].size == 72 * 37


def test_the_outputs_are_dequantised_and_of_the_call_alone(models: Path) -> None:
    model = TfliteModel.load(models, "detector")
    dark, bright = np.full((320, 448), -128, np.int8), np.full((320, 448), 127, np.int8)
    first = model.run(dark)
    kept = [output.copy() for output in first]
    model.run(bright)
    for output, before in zip(first, kept, strict=True):
        assert output.dtype == np.float32
        np.testing.assert_array_equal(output, before)


def test_a_damaged_model_is_refused_by_its_checksum(models: Path) -> None:
    path = models / "detector.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256") as raised:
        TfliteModel.load(models, "detector")
    assert raised.value.hint


def test_a_missing_model_file_is_named(models: Path) -> None:
    (models / "detector.tflite").unlink()
    with pytest.raises(ModelError, match=r"detector\.tflite: cannot be read"):
        TfliteModel.load(models, "detector")


@pytest.mark.parametrize("runtime", ["litert", "tflite"])
def test_what_is_no_model_is_refused(models: Path, runtime: Any) -> None:
    if runtime == "tflite":
        need_tflite_runtime()
    content = b"not a model at all"
    (models / "detector.tflite").write_bytes(content)
    edit(models / "detector.json", lambda card: card.update(sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(ModelError, match="refuses"):
        TfliteModel.load(models, "detector", runtime=runtime)


def wrong_input_shape(card: dict[str, Any]) -> None:
    card["input"]["shape"] = [1, 288, 384, 1]


def wrong_scale(card: dict[str, Any]) -> None:
    card["input"]["scale"] = 0.01


def wrong_zero_point(card: dict[str, Any]) -> None:
    card["input"]["zero_point"] = 3


def one_output_less(card: dict[str, Any]) -> None:
    card["outputs"].pop()


def wrong_output_shape(card: dict[str, Any]) -> None:
    card["outputs"][0]["shape"] = [1, 36, 48, 1]


def output_named_twice(card: dict[str, Any]) -> None:
    card["outputs"][0]["index"] = card["outputs"][1]["index"]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (wrong_input_shape, "input is int8"),
        (wrong_scale, "input quantisation"),
        (wrong_zero_point, "input quantisation"),
        (one_output_less, "4 outputs, the card describes 3"),
        (wrong_output_shape, "heat is int8"),
        (output_named_twice, "output indices"),
    ],
)
def test_a_card_of_another_model_is_refused(models: Path, spoil: Spoil, named: str) -> None:
    edit(models / "detector.json", spoil)
    with pytest.raises(ModelError, match=named):
        TfliteModel.load(models, "detector")


@pytest.mark.parametrize(
    "picture",
    [np.zeros((448, 320), np.int8), np.zeros((320, 448), np.uint8), np.zeros((320, 448, 1), np.int8)],
)
def test_a_picture_of_another_shape_or_type_is_refused(models: Path, picture: Any) -> None:
    with pytest.raises(ModelError, match="takes int8"):
        TfliteModel.load(models, "detector").run(picture)


def test_each_model_does_its_own_task_only(models: Path) -> None:
    with pytest.raises(ModelError, match="not a plate detector"):
        TfliteDetector(TfliteModel.load(models, "recogniser"))
    with pytest.raises(ModelError, match="not a plate recogniser"):
        TfliteRecogniser(TfliteModel.load(models, "detector"))


@pytest.mark.parametrize("score_min", [0.0, 1.0, -1.0])
def test_a_threshold_is_a_score(models: Path, score_min: float) -> None:
    with pytest.raises(ModelError, match="threshold"):
        TfliteDetector(TfliteModel.load(models, "detector"), score_min)


def test_an_alphabet_of_another_length_is_refused(models: Path) -> None:
    edit(models / "recogniser.json", lambda card: card.update(alphabet="-ABC"))
    with pytest.raises(ModelError, match="37 classes for an alphabet of 4"):
        TfliteRecogniser(TfliteModel.load(models, "recogniser"))


def test_a_pixel_becomes_itself_less_128() -> None:
    assert to_int8(np.array([[0, 127, 128, 255]], np.uint8)).tolist() == [[-128, -1, 0, 127]]
