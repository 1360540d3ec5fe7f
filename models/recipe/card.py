"""A model's card: what it is, what it was made from, what it can do and where it fails."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.recipe.graph import Graph, multiply_adds
from models.recipe.licences import LICENCES

Sources = Counter[tuple[str, str]]
"""How many real pictures, or plates, were trained on, by source and tier."""


@dataclass(frozen=True)
class Kind:
    """What the cards of all models for one task have in common.

    `outputs` gives the tensors of a model file as its card states them; `own` holds the keys that only
    this task's cards have.
    """

    task: str
    outputs: Callable[[Path], list[dict[str, Any]]]
    sources: Callable[[], Sources]
    known_failures: tuple[str, ...]
    own: dict[str, Any]


@dataclass(frozen=True)
class Release:
    """What a card says that the model file does not.

    `made_up` is how many rendered pictures it was trained on, `tuned` what was fitted after training
    (threshold, temperature), `measured` its figures on held-out pictures.
    """

    kind: Kind
    name: str
    tuned: dict[str, Any]
    version: str = "0.0.0"
    made_up: int = 0
    measured: dict[str, Any] = field(default_factory=lambda: {"split": "none"})


def ship(folder: Path, into: Path, release: Release) -> Path:
    """Copy a model from `folder` to `into` and write its card there."""
    if folder.resolve() != into.resolve():
        shutil.copyfile(folder / f"{release.name}.tflite", into / f"{release.name}.tflite")
    return write_card(folder, into, release)


def write_card(folder: Path, into: Path, release: Release) -> Path:
    """Write the card of the model in `into` that was exported to `folder`; returns its path."""
    model, kind = into / f"{release.name}.tflite", release.kind
    graph = Graph.load(folder / f"{release.name}.graph.npz")
    facts = {
        "card_version": 1,
        "name": release.name,
        "version": release.version,
        "task": kind.task,
        "file": model.name,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "input": {"shape": [1, *graph.input_shape, 1], "dtype": "int8", "scale": 1 / 128, "zero_point": 0},
        "outputs": kind.outputs(model),
        **kind.own,
        **release.tuned,
        "multiply_adds": multiply_adds(graph),
        "licence": "MIT",
        "training_data": [
            {"source": source, "tier": tier, "images": images, "licence": LICENCES[source]}
            for (source, tier), images in sorted(kind.sources().items())
            if images
        ],
        "synthetic_images": release.made_up,
        "measured": release.measured,
        "known_failures": list(kind.known_failures),
    }
    card = model.with_suffix(".json")
    card.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return card
