"""The detectors' cards: what they are, what they were made from, what they can do and where they fail."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from models.recipe.data import Background, Scene, load_collection
from models.recipe.detector.targets import OUTPUTS, STRIDE_PX
from models.recipe.graph import Graph, multiply_adds
from models.recipe.licences import LICENCES
from models.recipe.outputs import open_model, output_places

KNOWN_FAILURES: Final = (
    "Plates narrower than about 12 px at 448 x 320 (34 px in a 1280 x 720 picture) are mostly missed.",
    "Plates turned more than about 60 degrees away, or hidden by more than a third.",
    "Bright signs with large capitals, of a plate's proportions, are sometimes taken for plates.",
    "Trained on no picture of a UK roadside infrared camera: none was to be had.",
)


@dataclass(frozen=True)
class Release:
    """What a card says that the model file does not: `made_up` frames trained on, figures `measured`."""

    name: str
    version: str
    made_up: int
    threshold: float
    measured: dict[str, Any]


def ship(folder: Path, into: Path, release: Release) -> Path:
    """Copy a model from `folder` to `into` and write its card there."""
    if folder.resolve() != into.resolve():
        shutil.copyfile(folder / f"{release.name}.tflite", into / f"{release.name}.tflite")
    return write_card(folder, into, release)


def write_card(folder: Path, into: Path, release: Release) -> Path:
    """Write the card of the model in `into` that was exported to `folder`; returns its path."""
    model = into / f"{release.name}.tflite"
    places = output_places(open_model(model))
    graph = Graph.load(folder / f"{release.name}.graph.npz")
    height, width = graph.input_shape
    facts = {
        "card_version": 1,
        "name": release.name,
        "version": release.version,
        "task": "plate-detector",
        "file": model.name,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "input": {"shape": [1, height, width, 1], "dtype": "int8", "scale": 1 / 128, "zero_point": 0},
        "outputs": [
            {"name": name, "index": place, "shape": [1, height // STRIDE_PX, width // STRIDE_PX, channels]}
            for place, (name, channels) in zip(places, OUTPUTS.items(), strict=True)
        ],
        "stride": STRIDE_PX,
        "threshold": round(release.threshold, 3),
        "calibration": {"temperature": 1.0},
        "multiply_adds": multiply_adds(graph),
        "licence": "MIT",
        "training_data": training_sources(),
        "synthetic_images": release.made_up,
        "measured": release.measured,
        "known_failures": list(KNOWN_FAILURES),
    }
    card = model.with_suffix(".json")
    card.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return card


def training_sources() -> list[dict[str, Any]]:
    """Pictures trained on, by source, with tier and licence as the collection states them."""
    collection = load_collection()
    pictures: list[Scene | Background] = [*collection.scenes_in("train"), *collection.backgrounds_in("train")]
    counts = Counter((picture.source, picture.tier) for picture in pictures)
    return [
        {"source": source, "tier": tier, "images": images, "licence": LICENCES.get(source, "see the source")}
        for (source, tier), images in sorted(counts.items())
    ]
