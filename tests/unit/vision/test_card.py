"""A model card is read strictly, and every refusal names the key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.errors import ModelError
from anpr_edge.vision.card import ModelCard


def detector_card() -> dict[str, Any]:
    """A card as the recipe writes it."""
    return {
        "card_version": 1,
        "name": "detector",
        "version": "1.2.0",
        "task": "plate-detector",
        "file": "detector.tflite",
        "sha256": "0123456789abcdef" * 4,
        "created": "2026-11-22",
        "input": {"shape": [1, 288, 416, 1], "dtype": "int8", "scale": 0.0078125, "zero_point": 0},
        "outputs": [{"name": "heat", "index": 2, "shape": [1, 36, 52, 1]}],
        "stride": 8,
        "threshold": 0.4,
        "calibration": {"temperature": 1.5},
        "multiply_adds": 250_000_000,
        "licence": "MIT",
        "training_data": [{"source": "a", "tier": "A", "images": 3, "licence": "MIT"}],
        "synthetic_images": 10,
        "measured": {"split": "validation"},
        "known_failures": ["glare"],
    }


def test_a_card_says_what_the_model_takes_and_gives() -> None:
    card = ModelCard.parse(detector_card(), "detector.json")
    assert card.input.shape == (1, 288, 416, 1)
    assert (card.outputs[0].name, card.outputs[0].index) == ("heat", 2)
    assert (card.threshold, card.stride, card.temperature) == (0.4, 8, 1.5)
    assert card.facts["licence"] == "MIT"


def test_the_model_id_names_version_and_file() -> None:
    assert ModelCard.parse(detector_card(), "x").model_id == "detector-1.2.0+01234567"


@pytest.mark.parametrize("key", sorted(detector_card()))
def test_a_missing_key_is_refused(key: str) -> None:
    facts = detector_card()
    del facts[key]
    with pytest.raises(ModelError, match=key):
        ModelCard.parse(facts, "detector.json")


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ModelError, match="unknown alphabet"):
        ModelCard.parse(detector_card() | {"alphabet": "-A"}, "detector.json")


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("card_version", 2, "card_version is 2"),
        ("task", "face-detector", "face-detector"),
        ("stride", "8", "stride is a str"),
        ("stride", True, "stride is a bool"),
        ("outputs", [{"name": "heat", "shape": [1]}], r"outputs\[0\]: missing index"),
        ("outputs", ["heat"], r"outputs\[0\]: must be a JSON object"),
        ("input", {"shape": [1], "dtype": "float32", "scale": 1, "zero_point": 0}, "float32"),
        ("calibration", {"temperature": 0}, "temperature is 0"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object, named: str) -> None:
    with pytest.raises(ModelError, match=named):
        ModelCard.parse(detector_card() | {key: value}, "detector.json")


def test_a_card_that_is_not_there_says_where_to_point(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model card") as raised:
        ModelCard.load(tmp_path / "detector.json")
    assert "--models" in raised.value.hint


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_what_is_not_a_json_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "detector.json"
    path.write_text(text)
    with pytest.raises(ModelError, match=r"detector\.json"):
        ModelCard.load(path)


def test_a_card_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "detector.json"
    path.write_text(json.dumps(detector_card()))
    assert ModelCard.load(path).name == "detector"
