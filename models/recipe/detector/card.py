"""The detector's card: what it is, what it was made from, what it can do and where it fails."""

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
from models.recipe.detector.frames import HEIGHT_PX, WIDTH_PX
from models.recipe.detector.targets import COLS, OUTPUTS, ROWS, STRIDE_PX
from models.recipe.graph import Graph, multiply_adds
from models.recipe.licences import LICENCES
from models.recipe.outputs import open_model, output_places

NAME: Final = "detector"
KNOWN_FAILURES: Final = (
    "Plates narrower than about 12 px at 416 x 288 (37 px in a 1280 x 720 picture) are mostly missed.",
    "Plates turned more than about 60 degrees away, or hidden by more than a third.",
    "Bright signs with large capitals, of a plate's proportions, are sometimes taken for plates.",
    "Trained on no picture of a UK roadside infrared camera: none was to be had.",
)


@dataclass(frozen=True)
class Release:
    """What a card says that the model file does not: `made_up` frames trained on, figures `measured`."""

    version: str
    made_up: int
    threshold: float
    measured: dict[str, Any]


def ship(folder: Path, into: Path, release: Release) -> Path:
    """Copy `detector.tflite` from `folder` to `into` and write its card."""
    shipped = into / f"{NAME}.tflite"
    if folder.resolve() != into.resolve():
        shutil.copyfile(folder / shipped.name, shipped)
    return write_card(shipped, folder / f"{NAME}.graph.npz", release)


def write_card(model: Path, graph: Path, release: Release) -> Path:
    """Write the card beside an exported model; returns its path."""
    places = output_places(open_model(model))
    facts = {
        "card_version": 1,
        "name": NAME,
        "version": release.version,
        "task": "plate-detector",
        "file": model.name,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "input": {"shape": [1, HEIGHT_PX, WIDTH_PX, 1], "dtype": "int8", "scale": 1 / 128, "zero_point": 0},
        "outputs": [
            {"name": name, "index": place, "shape": [1, ROWS, COLS, channels]}
            for place, (name, channels) in zip(places, OUTPUTS.items(), strict=True)
        ],
        "stride": STRIDE_PX,
        "threshold": round(release.threshold, 3),
        "calibration": {"temperature": 1.0},
        "multiply_adds": multiply_adds(Graph.load(graph)),
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
