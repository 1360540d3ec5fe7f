"""The recogniser's card: what it is, what it was made from, what it can do and where it fails."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from models.recipe.data import load_collection
from models.recipe.graph import Graph, multiply_adds
from models.recipe.licences import LICENCES
from models.recipe.ocr.alphabet import ALPHABET, SLOTS
from models.recipe.ocr.real import CUT_FROM_SCENES
from models.recipe.synthesis.crops import PATCH_HEIGHT_PX, PATCH_WIDTH_PX

NAME: Final = "recogniser"
KNOWN_FAILURES: Final = (
    "O and 0, I and 1 look alike on many plates: only the national syntax can tell them apart.",
    "Infrared plates under about 90 px: D read as O, S as 5, B as 8, with scores that are too high.",
    "A first I or 1 beside a national band, and a last one at the plate's edge, is sometimes lost.",
    "A band or seal whose letter is as high as the characters is read as one of them.",
    "American plates: state pictures beside or between the characters are now and then read.",
    "Calibrated on 300 daylight and infrared plates: scores of other cameras need their own check.",
)


@dataclass(frozen=True)
class Release:
    """What a card says that the model file does not: `made_up` patches trained on, figures `measured`."""

    version: str
    made_up: int
    temperature: float
    measured: dict[str, Any]


def ship(folder: Path, into: Path, release: Release) -> Path:
    """Copy `recogniser.tflite` from `folder` to `into` and write its card."""
    shipped = into / f"{NAME}.tflite"
    if folder.resolve() != into.resolve():
        shutil.copyfile(folder / shipped.name, shipped)
    return write_card(shipped, folder / f"{NAME}.graph.npz", release)


def write_card(model: Path, graph: Path, release: Release) -> Path:
    """Write the card beside an exported model; returns its path."""
    facts = {
        "card_version": 1,
        "name": NAME,
        "version": release.version,
        "task": "plate-recogniser",
        "file": model.name,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "input": {
            "shape": [1, PATCH_HEIGHT_PX, PATCH_WIDTH_PX, 1],
            "dtype": "int8",
            "scale": 1 / 128,
            "zero_point": 0,
        },
        "outputs": [{"name": "logits", "index": 0, "shape": [1, SLOTS, len(ALPHABET)]}],
        "alphabet": ALPHABET,
        "calibration": {"temperature": round(release.temperature, 3)},
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
    """Plates trained on, by source, with tier and licence as the collection states them."""
    collection = load_collection()
    counts: Counter[tuple[str, str]] = Counter()
    for scene in collection.scenes_in("train"):
        counts[scene.source, scene.tier] += sum(bool(plate.text) for plate in scene.plates)
    for crop in collection.crops_in("train"):
        counts[crop.source, crop.tier] += not crop.source.endswith(CUT_FROM_SCENES)
    for shot in collection.backgrounds_in("train"):
        counts[shot.source, shot.tier] += 1
    return [
        {"source": source, "tier": tier, "images": images, "licence": LICENCES[source]}
        for (source, tier), images in sorted(counts.items())
        if images
    ]
