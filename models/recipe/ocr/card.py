"""The recogniser's card: what it is, what it was made from, what it can do and where it fails."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from models.recipe.data import load_collection
from models.recipe.graph import Graph
from models.recipe.ocr.alphabet import ALPHABET, SLOTS

NAME: Final = "recogniser"
KNOWN_FAILURES: Final = (
    "O and 0, I and 1 look alike on many plates: only the national syntax can tell them apart.",
    "Letters much smaller than the rest (US class letters, trade suffixes) are left out or run together.",
    "Region seals with letters of full height can be read as characters.",
    "Plates narrower than about 50 px, or with motion blur over a third of a character, are often misread.",
)


def write_card(
    folder: Path,
    model: Path,
    *,
    version: str,
    made_up: int,
    temperature: float = 1.0,
    measured: dict[str, Any] | None = None,
) -> Path:
    """Put ``recogniser.tflite`` and ``recogniser.json`` into ``folder``; returns the card's path."""
    shipped, card = folder / f"{NAME}.tflite", folder / f"{NAME}.json"
    if shipped.resolve() != model.resolve():
        shutil.copyfile(model, shipped)
    facts = {
        "card_version": 1,
        "name": NAME,
        "version": version,
        "task": "plate-recogniser",
        "file": shipped.name,
        "sha256": hashlib.sha256(shipped.read_bytes()).hexdigest(),
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "input": {"shape": [1, 40, 144, 1], "dtype": "int8", "scale": 0.0078125, "zero_point": 0},
        "outputs": [{"name": "logits", "index": 0, "shape": [1, SLOTS, len(ALPHABET)]}],
        "alphabet": ALPHABET,
        "calibration": {"temperature": round(temperature, 3)},
        "multiply_adds": multiply_adds(Graph.load(model.with_suffix(".graph.npz"))),
        "licence": "MIT",
        "training_data": training_sources(),
        "synthetic_images": made_up,
        "measured": {"split": "validation", "slices": measured or {}},
        "known_failures": list(KNOWN_FAILURES),
    }
    card.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return card


def multiply_adds(graph: Graph) -> int:
    """Multiplications of one inference: the size of every kernel times the positions it is applied at."""
    sizes: dict[str, tuple[int, int]] = {"input": graph.input_shape}
    total = 0
    for layer in graph.layers:
        height, width = sizes[layer.inputs[0]]
        if layer.kind == "conv":
            kernel = graph.weights[f"{layer.name}.kernel"]
            left, right, top, bottom = layer.settings["padding"]
            down, across = layer.settings["stride"]
            height = (height + top + bottom - kernel.shape[2]) // down + 1
            width = (width + left + right - kernel.shape[3]) // across + 1
            total += kernel.size * height * width
        elif layer.kind == "concat" and layer.settings["axis"] == 3:
            width = sum(sizes[name][1] for name in layer.inputs)
        sizes[layer.name] = height, width
    return total


def training_sources() -> list[dict[str, Any]]:
    """Plates trained on, by source, with tier and licence as the collection states them."""
    collection = load_collection()
    counts: Counter[tuple[str, str]] = Counter()
    for scene in collection.scenes_in("train"):
        counts[scene.source, scene.tier] += sum(bool(plate.text) for plate in scene.plates)
    for crop in collection.crops_in("train"):
        if not crop.source.endswith(("_derived", "_pseudo")):
            counts[crop.source, crop.tier] += 1
    return [
        {"source": source, "tier": tier, "images": images, "licence": LICENCES.get(source, "see the source")}
        for (source, tier), images in sorted(counts.items())
        if images
    ]


LICENCES: Final = {
    "robertlucian": "MIT",
    "openimages_plates": "CC BY 2.0 (pictures), CC BY 4.0 (labels)",
    "cnn_ocr_lp_ar": "MIT",
    "kslat3r_uk": "MIT",
    "openalpr_us": "AGPL-3.0 (repository)",
    "openalpr_br": "AGPL-3.0 (repository)",
    "openalpr_us_crops": "AGPL-3.0 (repository)",
    "openalpr_eu_crops": "AGPL-3.0 (repository)",
    "openalpr_eu2_twoline_crops": "AGPL-3.0 (repository)",
}
"""Licence of the repository each source comes from, as stated there."""
