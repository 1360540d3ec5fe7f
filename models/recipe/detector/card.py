"""What the cards of both detectors say; see `models.recipe.card`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

from models.recipe.card import Kind, Sources
from models.recipe.data import Background, Scene, load_collection
from models.recipe.detector.targets import OUTPUTS, STRIDE_PX
from models.recipe.outputs import open_model, output_places

KNOWN_FAILURES: Final = (
    "Plates narrower than about 34 px in a 1280 x 720 picture are mostly missed.",
    "Plates turned more than about 60 degrees away, or hidden by more than a third.",
    "Bright signs with large capitals, of a plate's proportions, are sometimes taken for plates.",
    "Trained on no picture of a UK roadside infrared camera: none was to be had.",
)


def tuned(threshold: float) -> dict[str, Any]:
    """What is chosen after training: the score from which a find counts."""
    return {"threshold": round(threshold, 3), "calibration": {"temperature": 1.0}}


def _outputs(model: Path) -> list[dict[str, Any]]:
    interpreter = open_model(model)
    _, height, width, _ = interpreter.get_input_details()[0]["shape"].tolist()
    return [
        {"name": name, "index": place, "shape": [1, height // STRIDE_PX, width // STRIDE_PX, channels]}
        for place, (name, channels) in zip(output_places(interpreter), OUTPUTS.items(), strict=True)
    ]


def _sources() -> Sources:
    collection = load_collection()
    pictures: list[Scene | Background] = [*collection.scenes_in("train"), *collection.backgrounds_in("train")]
    return Counter((picture.source, picture.tier) for picture in pictures)


KIND: Final = Kind("plate-detector", _outputs, _sources, KNOWN_FAILURES, own={"stride": STRIDE_PX})
