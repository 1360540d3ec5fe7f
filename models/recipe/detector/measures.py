"""Figures of a detector over labelled pictures, by slice: recall, false boxes, corners, exact reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from anpr_edge.capture.images import load_luma
from anpr_edge.plates.syntax import fold
from anpr_edge.records import Detection
from anpr_edge.seams import Detector, Recogniser
from models.recipe.data import Collection, LabelledPlate, Scene, Split
from models.recipe.detector.scoring import corner_error

MATCH_IOU: Final = 0.5
WIDTH_SLICES: Final = (("<60 px", 0.0, 60.0), ("60-90 px", 60.0, 90.0), (">=90 px", 90.0, 1e9))
FALSE_ALLOWED: Final = 0.14
"""Boxes on nothing labelled, a picture, at the chosen threshold; about a third are plates nobody labelled."""
THRESHOLDS: Final = tuple(float(step) / 50 for step in range(5, 46))
LABELLED_WHOLLY: Final = frozenset({"openalpr_us", "openalpr_br", "kslat3r_uk"})
"""Sources where a box on nothing labelled is a false one; elsewhere it may be a plate nobody labelled."""

Report = dict[str, dict[str, float]]
"""Figures by slice."""


@dataclass(frozen=True, eq=False)
class Look:
    """What was found in one picture; `texts` are the reads of the detections, None without a recogniser."""

    name: str
    source: str
    infrared: bool
    plates: tuple[LabelledPlate, ...]
    found: tuple[Detection, ...]
    texts: tuple[str, ...] | None

    def at(self, threshold: float) -> Look:
        """The same with only the detections that score at least `threshold`."""
        kept = [index for index, one in enumerate(self.found) if one.score >= threshold]
        found = tuple(self.found[index] for index in kept)
        texts = tuple(self.texts[index] for index in kept) if self.texts is not None else None
        return Look(self.name, self.source, self.infrared, self.plates, found, texts)

    def best(self, plate: LabelledPlate) -> Detection | None:
        """The detection that covers a plate best, if any covers it enough."""
        near = max(self.found, key=lambda one: one.box.iou(plate.box), default=None)
        return near if near and near.box.iou(plate.box) >= MATCH_IOU else None

    def false_boxes(self) -> list[Detection]:
        """Detections on no labelled plate."""
        return [one for one in self.found if all(one.box.iou(plate.box) < MATCH_IOU for plate in self.plates)]


def look_at(
    collection: Collection, split: Split, detector: Detector, recogniser: Recogniser | None
) -> list[Look]:
    """Run the detector, and the recogniser if there is one, over every picture of a split."""
    looks = [_look(scene, detector, recogniser) for scene in collection.scenes_in(split)]
    for shot in collection.backgrounds_in(split):
        found = tuple(detector.detect(load_luma(shot.path)))
        looks.append(Look(shot.name, "backgrounds", False, (), found, None))
    return looks


def _look(scene: Scene, detector: Detector, recogniser: Recogniser | None) -> Look:
    pixels = load_luma(scene.path)
    found = tuple(detector.detect(pixels))
    texts = None
    if recogniser:
        reads = [recogniser.recognise(pixels, detection.quad) for detection in found]
        texts = tuple(read.text if read else "" for read in reads)
    return Look(scene.name, scene.source, scene.infrared, scene.plates, found, texts)


def choose_threshold(looks: Sequence[Look]) -> float:
    """The lowest score from which false boxes are rare enough: what is lost above it is lost for nothing."""
    for threshold in THRESHOLDS:
        false = sum(len(look.at(threshold).false_boxes()) for look in looks)
        if false <= FALSE_ALLOWED * len(looks):
            return threshold
    return THRESHOLDS[-1]


def report(looks: Sequence[Look], threshold: float) -> Report:
    """Figures at `threshold` over everything, by source, and by plate width for the infrared pictures."""
    kept = [look.at(threshold) for look in looks]
    figures = {"all": _figures(kept)}
    scenes = [look for look in kept if look.plates]
    figures["scenes"] = _figures(scenes)
    figures["wholly labelled"] = _figures([look for look in kept if look.source in LABELLED_WHOLLY])
    for source in sorted({look.source for look in kept}):
        figures[source] = _figures([look for look in kept if look.source == source])
    for title, low, high in WIDTH_SLICES:
        wide = _wide(low, high)
        figures[f"all {title}"] = _figures(scenes, wide)
        figures[f"infrared {title}"] = _figures([look for look in scenes if look.infrared], wide)
    return figures


def _wide(low: float, high: float) -> Callable[[LabelledPlate], bool]:
    return lambda plate: low <= plate.box.width < high


def _figures(
    looks: Sequence[Look], counts: Callable[[LabelledPlate], bool] | None = None
) -> dict[str, float]:
    """Figures over pictures, or over those of their plates that count; false boxes only in the first case."""
    pairs = [(look, plate) for look in looks for plate in look.plates if counts is None or counts(plate)]
    figures: dict[str, float] = {"pictures": len(looks), "plates": len(pairs)}
    if counts is None and looks:
        figures["false_per_picture"] = _rounded(sum(len(look.false_boxes()) for look in looks) / len(looks))
    if pairs:
        figures["recall"] = _rounded(np.mean([look.best(plate) is not None for look, plate in pairs]))
    errors = [error for look, plate in pairs for error in _corner_errors(look, plate)]
    if errors:
        figures["corner_error"] = _rounded(np.median(errors))
    hits = [
        fold(plate.text) in {fold(read) for read in look.texts}
        for look, plate in pairs
        if plate.text and not plate.pseudo and look.texts is not None
    ]
    if hits:
        figures |= {"texts": len(hits), "exact": _rounded(np.mean(hits))}
    return figures


def _corner_errors(look: Look, plate: LabelledPlate) -> Iterable[float]:
    """Mean distance of the corners in plate heights, when the plate was found and its corners are known."""
    detection = look.best(plate)
    if detection and plate.corners:
        yield corner_error(np.array(detection.quad.points), np.array(plate.corners.points))


def _rounded(value: Any) -> float:
    return round(float(value), 4)
