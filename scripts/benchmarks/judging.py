"""What was found beside what the labels say, and the figures of any slice of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from anpr_edge.plates.syntax import fold
from models.recipe.ocr.measures import edit_distance
from scripts.benchmarks import metrics
from scripts.benchmarks.contenders import FoundPlate, Look
from scripts.benchmarks.labels import LabelledPicture, LabelledPlate
from scripts.benchmarks.metrics import Figure

MATCH_IOU: Final = 0.5
SUREST: Final = 0.9
WIDTHS_PX: Final = (("<60 px", 0.0, 60.0), ("60-90 px", 60.0, 90.0), (">=90 px", 90.0, float("inf")))


@dataclass(frozen=True, slots=True)
class JudgedPlate:
    """A labelled plate and what was made of it.

    `truth` is None when its text is not known or not trusted; `text` is empty when it gave no read;
    `in_picture` is true when any read of the picture has its text, wherever that read's box lies.
    """

    width_px: float
    rows: int | None
    detected: bool
    truth: str | None = field(repr=False)
    text: str = field(repr=False)
    confidence: float
    in_picture: bool

    @property
    def is_read(self) -> bool:
        """True when there is a read to compare with a known text."""
        return bool(self.truth and self.text)


@dataclass(frozen=True, slots=True)
class JudgedPicture:
    """A labelled picture, its plates, what was reported that is no plate, and how long it took."""

    label: LabelledPicture
    plates: tuple[JudgedPlate, ...]
    false_plates: int
    false_reads: int
    ms: float
    processor_ms: float


@dataclass(frozen=True, slots=True)
class Slice:
    """Some pictures, and those of their plates that count; `whole` when all of them do."""

    name: str
    pictures: Sequence[JudgedPicture]
    plates: Sequence[JudgedPlate]
    whole: bool


def judge(label: LabelledPicture, look: Look, *, pseudo: bool = False) -> JudgedPicture:
    """Lay a look beside its labels; texts that a model supplied count only with `pseudo`."""
    texts = {fold(found.text) for found in look.found if found.text}
    false = [found for found in look.found if _is_false(found, label.plates)]
    return JudgedPicture(
        label=label,
        plates=tuple(_judge_plate(plate, look, texts, pseudo=pseudo) for plate in label.plates),
        false_plates=len(false),
        false_reads=sum(bool(found.text) for found in false),
        ms=look.ms,
        processor_ms=look.processor_ms,
    )


def _judge_plate(plate: LabelledPlate, look: Look, texts: set[str], *, pseudo: bool) -> JudgedPlate:
    best = _best(plate, look.found)
    truth = plate.text if pseudo or not plate.pseudo else None
    return JudgedPlate(
        width_px=plate.box.width if plate.box else look.width_px,
        rows=plate.rows,
        detected=best is not None,
        truth=truth,
        text=best.text if best else "",
        confidence=best.confidence if best else 0.0,
        in_picture=truth is not None and fold(truth) in texts,
    )


def _best(plate: LabelledPlate, found: Sequence[FoundPlate]) -> FoundPlate | None:
    """The find that covers a plate best, if any covers it enough; a plate without a box is all there is."""
    if plate.box is None:
        return found[0] if found else None
    box = plate.box
    near = max(found, key=lambda one: one.box.iou(box), default=None)
    return near if near and near.box.iou(box) >= MATCH_IOU else None


def _is_false(found: FoundPlate, plates: Sequence[LabelledPlate]) -> bool:
    return all(plate.box is not None and found.box.iou(plate.box) < MATCH_IOU for plate in plates)


def slices(pictures: Sequence[JudgedPicture]) -> Iterator[Slice]:
    """Everything, then by what the labels say of pictures, then by plate. Empty slices are left out."""
    groups: dict[str, list[JudgedPicture]] = {"all": list(pictures)}
    for picture in sorted(pictures, key=_picture_order):
        for name in _picture_slices(picture.label):
            groups.setdefault(name, []).append(picture)
    for name, group in groups.items():
        yield Slice(name, group, [plate for picture in group for plate in picture.plates], whole=True)
    for name in ("all", "infrared"):
        yield from _plate_slices("" if name == "all" else f"{name} ", groups.get(name, []))


def _picture_order(picture: JudgedPicture) -> tuple[str, str]:
    return picture.label.source or "", picture.label.country or ""


def _picture_slices(label: LabelledPicture) -> Iterator[str]:
    if label.source:
        yield f"source {label.source}"
    if label.country:
        yield f"country {label.country}"
    if label.infrared:
        yield "infrared"
    if label.night is not None:
        yield "night" if label.night else "day"
    if not label.plates:
        yield "no plate"


def _plate_slices(prefix: str, pictures: Sequence[JudgedPicture]) -> Iterator[Slice]:
    plates = [plate for picture in pictures for plate in picture.plates]
    for title, low, high in WIDTHS_PX:
        if wide := [plate for plate in plates if low <= plate.width_px < high]:
            yield Slice(prefix + title, (), wide, whole=False)
    if two := [plate for plate in plates if plate.rows == 2]:
        yield Slice(f"{prefix}two-row", (), two, whole=False)


def figures(part: Slice, *, crops: bool) -> dict[str, Any]:
    """One slice's figures: the object documented in docs/accuracy.md."""
    known = [plate for plate in part.plates if plate.truth]
    reads = [plate for plate in known if plate.is_read]
    pictures = part.pictures
    detected = None if crops else metrics.share(sum(p.detected for p in part.plates), len(part.plates))
    searched = 0 if crops else len(pictures)
    return {
        "pictures": len(pictures) if part.whole else None,
        "plates": len(part.plates),
        "plates_with_text": len(known),
        "detector_recall": _json(detected),
        "false_plates_per_picture": _json(metrics.rate(sum(p.false_plates for p in pictures), searched)),
        "false_reads_per_picture": _json(metrics.rate(sum(p.false_reads for p in pictures), searched)),
        "capture_rate": _json(metrics.share(len(reads), len(known))),
        "read_right": _json(metrics.share(sum(p.in_picture for p in known), len(known))),
        **_read_figures(reads),
        "ms": metrics.percentiles([picture.ms for picture in pictures]),
        "processor_ms": metrics.percentiles([picture.processor_ms for picture in pictures]),
    }


def _read_figures(reads: Sequence[JudgedPlate]) -> dict[str, Any]:
    """Figures of the reads of plates whose text is known."""
    pairs = [(plate.text, plate.truth or "") for plate in reads]
    folded = [(fold(text), fold(truth)) for text, truth in pairs]
    right = np.array([text == truth for text, truth in folded], bool)
    confidences = np.array([plate.confidence for plate in reads], np.float64)
    wrong_characters = np.array([edit_distance(text, truth) for text, truth in folded], int)
    lengths = np.array([len(truth) for _, truth in folded], int)
    sure, floor = metrics.surest(confidences, right, SUREST)
    return {
        "read_accuracy": _json(metrics.share(int(right.sum()), len(reads))),
        "read_accuracy_strict": _json(metrics.share(sum(a == b for a, b in pairs), len(reads))),
        "character_error_rate": _json(metrics.ratio_of_sums(wrong_characters, lengths)),
        "calibration_error": _json(metrics.calibration_error(confidences, right)),
        "calibration_error_by_chance": _json(metrics.calibration_error_by_chance(confidences)),
        "surest_90_accuracy": _json(sure),
        "surest_90_floor": None if floor is None else round(floor, 4),
    }


def _json(figure: Figure | None) -> dict[str, Any] | None:
    return figure.as_json() if figure else None
