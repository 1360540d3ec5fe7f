"""New plates from two real ones: the left part of one, the right part of the other.

A network that sees a few hundred plates of a camera learns their texts; of spliced ones it can only learn
what that camera makes of glyphs. Both plates are straightened, brought to one size and one contrast, and cut
in a gap between characters, which the shipped recogniser finds for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from anpr_edge.config import find_models_directory
from anpr_edge.vision.rectify import stretch_contrast
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.data import fold
from models.recipe.ocr.alphabet import ALPHABET, SLOTS
from models.recipe.ocr.readers import Int8Reader, PatchReader
from models.recipe.ocr.real import RealPlate, training_plates, worn
from models.recipe.synthesis.crops import (
    PATCH_HEIGHT_PX,
    PATCH_WIDTH_PX,
    SIDE_MARGIN,
    TOP_MARGIN,
    Quad,
    Sample,
    grow,
    rectify,
)
from models.recipe.synthesis.looks import Picture

SAME_SIZE: Final = 1.4
"""How much wider than the other one of a pair may be: what is blurred differently shows the seam."""
SAME_PLACE: Final = 0.03
"""How far apart the two gaps may lie, in plate widths."""
FAVOURED: Final = {"robertlucian ro": 6.0}
"""Origins drawn more often than their plates' weights say: the near-infrared ones are two in five of all."""
AROUND: Final = (0.25, 0.7)
"""What is kept around the plate for loose cuts, in plate widths and heights."""
SEAM_PX: Final = 2
_GAP_REACH_PX: Final = 6
"""How far from the middle between two characters their gap is looked for."""
_ATTEMPTS: Final = 60


@dataclass(frozen=True, eq=False)
class Spliceable:
    """A one-row plate; `gaps` are the places between its characters, in plate widths from its left edge."""

    plate: RealPlate
    width_px: float
    gaps: tuple[float, ...]

    @classmethod
    def of(cls, plate: RealPlate, reader: PatchReader) -> Spliceable | None:
        """The plate with its gaps; None when it has two rows, or is not read as it is labelled."""
        gaps = _gaps(plate, reader) if plate.rows == 1 else ()
        return cls(plate, float(np.linalg.norm(plate.quad[1] - plate.quad[0])), gaps) if gaps else None


def spliced_drawer() -> Callable[[np.random.Generator], Sample]:
    """A function that draws a roughened patch of two training plates of one source and country."""
    groups = _groups()
    weights = np.array([_weight(group) for group in groups])
    odds = weights / weights.sum()

    def draw(rng: np.random.Generator) -> Sample:
        for _ in range(_ATTEMPTS):
            group = groups[int(rng.choice(len(groups), p=odds))]
            one, other = (group[int(index)] for index in rng.choice(len(group), 2, replace=False))
            pairs = fitting_gaps(one, other)
            if pairs:
                picture, quad, text = spliced(one, other, *pairs[int(rng.integers(len(pairs)))])
                return worn(rng, picture, quad, text, 1)
        raise ValueError("no two training plates go together")

    return draw


def _weight(group: Sequence[Spliceable]) -> float:
    return FAVOURED.get(group[0].plate.origin, 1.0) * sum(one.plate.weight for one in group)


def _groups() -> list[list[Spliceable]]:
    """The plates that may be spliced with one another, two or more in a group."""
    reader = Int8Reader(TfliteModel.load(find_models_directory(), "recogniser"))
    groups: dict[str, list[Spliceable]] = defaultdict(list)
    for plate in training_plates():
        spliceable = Spliceable.of(plate, reader)
        if spliceable:
            groups[plate.origin].append(spliceable)
    return [group for group in groups.values() if len(group) > 1]


def _gaps(plate: RealPlate, reader: PatchReader) -> tuple[float, ...]:
    """Where the gaps between the characters are; none when the text is not read as it is labelled."""
    patch = rectify(plate.pixels(), grow(plate.quad, SIDE_MARGIN, TOP_MARGIN))
    centres, text = _characters(reader.logits(stretch_contrast(patch)))
    if fold(text) != fold(plate.text):
        return ()
    ink = patch[PATCH_HEIGHT_PX // 5 : -PATCH_HEIGHT_PX // 5].std(axis=0)
    middles = [round((left + right) / 2) for left, right in pairwise(centres)]
    whole = PATCH_WIDTH_PX / (1 + 2 * SIDE_MARGIN)
    return tuple((_emptiest(ink, middle) + 0.5) / whole - SIDE_MARGIN for middle in middles)


def _characters(logits: npt.NDArray[np.float32]) -> tuple[list[float], str]:
    """The characters of the upper row and the px in the patch where each is."""
    slot_px = PATCH_WIDTH_PX / (SLOTS // 2)
    best = logits.argmax(axis=1)
    if best[SLOTS // 2 :].any():
        return [], ""
    starts = [slot for slot in np.flatnonzero(best) if slot == 0 or best[slot - 1] != best[slot]]
    ends = [next(slot for slot in range(start, SLOTS) if best[slot] != best[start]) for start in starts]
    centres = [(start + end) / 2 * slot_px for start, end in zip(starts, ends, strict=True)]
    return centres, "".join(ALPHABET[best[start]] for start in starts)


def _emptiest(ink: npt.NDArray[np.float64], middle: int) -> int:
    """The column about `middle` with the least on it, the nearest of equals."""
    columns = range(max(0, middle - _GAP_REACH_PX), min(len(ink), middle + _GAP_REACH_PX + 1))
    return min(columns, key=lambda column: (ink[column], abs(column - middle)))


def fitting_gaps(one: Spliceable, other: Spliceable) -> list[tuple[int, int]]:
    """Pairs of gaps, by number, that lie in about the same place; none when the sizes do not go together."""
    widths = sorted((one.width_px, other.width_px))
    if widths[1] > SAME_SIZE * widths[0]:
        return []
    return [
        (left, right)
        for left, place in enumerate(one.gaps)
        for right, beside in enumerate(other.gaps)
        if abs(place - beside) <= SAME_PLACE
    ]


def spliced(one: Spliceable, other: Spliceable, left: int, right: int) -> tuple[Picture, Quad, str]:
    """What is left of gap `left` of `one`, and right of gap `right` of `other`: picture, corners, text."""
    width = max(24, round(min(one.width_px, other.width_px)))
    height = max(6, round(width * _aspect(one.plate.quad)))
    start, end = _straight(one.plate, width, height), _straight(other.plate, width, height)
    shift = round((one.gaps[left] - other.gaps[right]) * width)
    end = _matched(np.roll(end, shift, axis=1), start)
    x0, y0 = _surroundings(width, height)
    share = np.clip((np.arange(start.shape[1]) + 0.5 - x0 - one.gaps[left] * width) / SEAM_PX + 0.5, 0, 1)
    picture = np.asarray(np.rint(start * (1 - share) + end * share), np.uint8)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    text = one.plate.text[: left + 1] + other.plate.text[right + 1 :]
    return picture, corners + np.array([x0, y0], np.float32), text


def _straight(plate: RealPlate, width: int, height: int) -> Picture:
    """The plate seen straight on at this size, with what is around it."""
    side, top = _surroundings(width, height)
    size = width + 2 * side, height + 2 * top
    corners = grow(plate.quad, side / width, top / height)
    edges = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    to_size = cv2.getPerspectiveTransform(corners - np.float32(0.5), edges - np.float32(0.5))
    straight = cv2.warpPerspective(
        plate.pixels(), to_size, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(straight, np.uint8)


def _surroundings(width: int, height: int) -> tuple[int, int]:
    """Px left and right of a plate of this size, and above and below it."""
    return round(AROUND[0] * width), round(AROUND[1] * height)


def _matched(picture: Picture, like: Picture) -> Picture:
    """The picture with its darkest and brightest parts as dark and as bright as the other's."""
    (dark, bright), (wanted_dark, wanted_bright) = (
        np.percentile(one[one.shape[0] // 4 : -one.shape[0] // 4], (5, 95)) for one in (picture, like)
    )
    gain = (wanted_bright - wanted_dark) / max(bright - dark, 8.0)
    return np.asarray(np.clip((picture - dark) * gain + wanted_dark, 0, 255), np.uint8)


def _aspect(quad: Quad) -> float:
    """Height over width."""
    return float(np.linalg.norm(quad[3] - quad[0]) / np.linalg.norm(quad[1] - quad[0]))
