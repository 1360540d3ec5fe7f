"""How far a read's confidence can be trusted, and the temperature that makes it so.

Both are measured through the whole way that a unit and `anpr-edge scan` take: an unsure read is made again,
a crop is read twice and both readings are fused, and what confidence comes out of that is held against right
and wrong. The temperature, which the recogniser's logits are divided by, is fitted on the calibration split.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from anpr_edge.capture.images import load_luma
from anpr_edge.cli.scan_reading import PictureReader, ScannedPlate
from anpr_edge.vision.closeup import load_detector
from anpr_edge.vision.cropped import CropReader
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.data import Scene, Split, load_collection
from models.recipe.detector.measures import MATCH_IOU
from models.recipe.ocr.card import NAME
from models.recipe.ocr.measures import Reading, expected_calibration_error, precision_at
from models.recipe.ocr.real import RealCrop, crops_of
from models.recipe.synthesis.looks import Picture

TEMPERATURES: Final = np.geomspace(0.5, 2.0, 29)
LEAST: Final = 1e-4
"""A confidence nearer to 0 or 1 counts as that: one wrong read alone may not decide."""


@dataclass(frozen=True)
class HeldOut:
    """One split's crops and scenes, decoded."""

    crops: list[tuple[Picture, RealCrop]]
    scenes: list[tuple[Picture, Scene]]

    @classmethod
    def load(cls, split: Split) -> HeldOut:
        """All of it; a few hundred pictures."""
        scenes = load_collection().scenes_in(split)
        return cls(
            [(crop.pixels(), crop) for crop in crops_of(split)],
            [(load_luma(scene.path), scene) for scene in scenes],
        )

    def readings(self, models: Path, model: TfliteModel) -> Iterator[Reading]:
        """Every crop, and every plate with a labelled text that the detectors in `models` find in a scene."""
        detector, recogniser = load_detector(models), TfliteRecogniser(model)
        cut_out = PictureReader(detector, recogniser, crop_reader=CropReader.load(models, recogniser))
        for pixels, crop in self.crops:
            (plate,) = cut_out.scan(crop.name, pixels).plates
            yield Reading(crop.name, crop.text, plate.text, plate.confidence)
        whole = PictureReader(detector, recogniser)
        for pixels, scene in self.scenes:
            for plate in whole.scan(scene.name, pixels).plates:
                truth = _text_at(scene, plate)
                if plate.text and truth:
                    yield Reading(scene.name, truth, plate.text, plate.confidence)


def fit_temperature(models: Path, folder: Path) -> float:
    """The temperature for the recogniser in `folder`, behind the detectors in `models`."""
    held_out, model = HeldOut.load("calibration"), TfliteModel.load(folder, NAME)

    def surprise(temperature: float) -> float:
        model.card = replace(model.card, temperature=temperature)
        return surprise_of(list(held_out.readings(models, model)))

    return float(min(map(float, TEMPERATURES), key=surprise))


def trust(models: Path, folder: Path, temperature: float) -> dict[str, float]:
    """Calibration error over the validation split, and the share right of the surest nine tenths."""
    model = TfliteModel.load(folder, NAME)
    model.card = replace(model.card, temperature=temperature)
    readings = list(HeldOut.load("validation").readings(models, model))
    threshold, precision = precision_at(readings, 0.9)
    return {
        "count": len(readings),
        "calibration_error": round(expected_calibration_error(readings), 4),
        "threshold_keeping_90_percent": round(threshold, 4),
        "precision_keeping_90_percent": round(precision, 4),
    }


def surprise_of(readings: Sequence[Reading]) -> float:
    """The mean negative log-likelihood of what came, in nats: least when confidence is honest."""
    sure = np.array([reading.score for reading in readings]).clip(LEAST, 1 - LEAST)
    right = np.array([reading.right for reading in readings])
    return float(-np.where(right, np.log(sure), np.log(1 - sure)).mean())


def _text_at(scene: Scene, plate: ScannedPlate) -> str | None:
    """What is labelled where a plate was read; None when nothing, or a text that a model supplied, is."""
    near = max(scene.plates, key=lambda one: one.box.iou(plate.box), default=None)
    return near.text if near and near.box.iou(plate.box) >= MATCH_IOU and not near.pseudo else None
