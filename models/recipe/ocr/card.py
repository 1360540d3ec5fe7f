"""What the recogniser's card says; see `models.recipe.card`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

from models.recipe.card import Kind, Sources
from models.recipe.data import load_collection
from models.recipe.ocr.alphabet import ALPHABET, SLOTS
from models.recipe.ocr.real import CUT_FROM_SCENES

NAME: Final = "recogniser"
KNOWN_FAILURES: Final = (
    "O and 0, I and 1 look alike on many plates: only the national syntax can tell them apart.",
    "Infrared plates under about 90 px: D read as O, S as 5, B as 8, with scores that are too high.",
    "A first I or 1 beside a national band, and a last one at the plate's edge, is sometimes lost.",
    "A band or seal whose letter is as high as the characters is read as one of them.",
    "American plates: state pictures beside or between the characters are now and then read.",
    "Calibrated on 300 daylight and infrared plates: scores of other cameras need their own check.",
)


def tuned(temperature: float) -> dict[str, Any]:
    """What is fitted after training: what the logits are divided by."""
    return {"calibration": {"temperature": round(temperature, 3)}}


def _outputs(_: Path) -> list[dict[str, Any]]:
    return [{"name": "logits", "index": 0, "shape": [1, SLOTS, len(ALPHABET)]}]


def _sources() -> Sources:
    """Plates, not pictures: crops cut from scenes are the same plates once more."""
    collection = load_collection()
    counts: Sources = Counter()
    for scene in collection.scenes_in("train"):
        counts[scene.source, scene.tier] += sum(bool(plate.text) for plate in scene.plates)
    for crop in collection.crops_in("train"):
        counts[crop.source, crop.tier] += not crop.source.endswith(CUT_FROM_SCENES)
    for shot in collection.backgrounds_in("train"):
        counts[shot.source, shot.tier] += 1
    return counts


KIND: Final = Kind("plate-recogniser", _outputs, _sources, KNOWN_FAILURES, own={"alphabet": ALPHABET})
