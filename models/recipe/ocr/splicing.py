"""New plates from two real ones: the left part of one, the right part of the other; or one row of each.

A network that sees a few hundred plates of a camera learns their texts; of spliced ones it can only learn
what that camera makes of glyphs. Both plates are straightened, brought to one size and one contrast, and cut
in a gap between characters, or between their rows, which the shipped recogniser finds for them.
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
from anpr_edge.plates.syntax import fold
from anpr_edge.vision.rectify import MARGIN_X, MARGIN_Y, stretch_contrast
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.ocr.alphabet import ALPHABET, SLOTS
from models.recipe.ocr.readers import Int8Reader, Logits, PatchReader
from models.recipe.ocr.real import RealPlate, training_plates, worn
from models.recipe.synthesis.crops import (
    PATCH_HEIGHT_PX,
    PATCH_WIDTH_PX,
    Quad,
    Sample,
    grow,
    rectified,
)
from models.recipe.synthesis.looks import Picture

SAME_SIZE: Final = 1.4
"""How much wider than the other one of a pair may be: what is blurred differently shows the seam."""
SAME_PLACE: Final = {1: 0.03, 2: 0.12}
"""How far apart the two gaps may lie by rows: in plate widths, or for two rows in heights."""
FAVOURED: Final = {"near-ir": 6.0}
"""Slices drawn more often than their plates' weights say: the near-infrared ones are two in five of all."""
AROUND: Final = (0.25, 0.7)
"""What is kept around the plate for loose cuts, in plate widths and heights."""
SEAM_PX: Final = 2
_GAP_REACH_PX: Final = 6
"""How far from the middle between two characters, or rows, their gap is looked for."""
_ATTEMPTS: Final = 60


@dataclass(frozen=True)
class Gap:
    """A place to cut: in plate widths from the left, or of two rows in heights from the top."""

    place: float
    before: int
    """How many characters are left of it, or above it."""


@dataclass(frozen=True, eq=False)
class Spliceable:
    """A plate and the gaps between its characters, or the one between its rows."""

    plate: RealPlate
    width_px: float
    gaps: tuple[Gap, ...]

    @classmethod
    def of(cls, plate: RealPlate, reader: PatchReader) -> Spliceable | None:
        """The plate with its gaps; None when it is not read as it is labelled."""
        gaps = _gaps(plate, reader)
        return cls(plate, float(np.linalg.norm(plate.quad[1] - plate.quad[0])), gaps) if gaps else None


def spliced_drawer() -> Callable[[np.random.Generator], Sample]:
    """A function that draws a roughened patch of two training plates of one group."""
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
                return worn(rng, picture, quad, text)
        raise ValueError("no two training plates go together")

    return draw


def _weight(group: Sequence[Spliceable]) -> float:
    return FAVOURED.get(group[0].plate.slice, 1.0) * sum(one.plate.weight for one in group)


def _groups() -> list[list[Spliceable]]:
    """The plates that may be spliced with one another, two or more in a group.

    One row only with its like of the same source and country, two rows, which are few, of the same source.
    """
    reader = Int8Reader(TfliteModel.load(find_models_directory(), "recogniser"))
    groups: dict[tuple[str, str | None], list[Spliceable]] = defaultdict(list)
    for plate in training_plates():
        spliceable = Spliceable.of(plate, reader)
        if spliceable:
            groups[plate.source, plate.country if plate.rows == 1 else None].append(spliceable)
    return [group for group in groups.values() if len(group) > 1]


def _gaps(plate: RealPlate, reader: PatchReader) -> tuple[Gap, ...]:
    """Where the gaps are; none when the text, or its number of rows, is not read as it is labelled."""
    patch = rectified(plate.pixels(), plate.quad)
    rows = [row for row in _rows(reader.logits(stretch_contrast(patch))) if row.text]
    if len(rows) != plate.rows or fold("".join(row.text for row in rows)) != fold(plate.text):
        return ()
    if plate.rows == 2:
        return (Gap(_between_rows(patch), len(rows[0].text)),)
    return tuple(Gap(place, number) for number, place in enumerate(_between(patch, rows[0].centres), 1))


@dataclass(frozen=True)
class _Row:
    """The characters of a row, and the px in the patch where each is."""

    text: str
    centres: tuple[float, ...]


def _rows(logits: Logits) -> list[_Row]:
    """The upper row and the lower one; a plate of one row has only an upper one."""
    half = SLOTS // 2
    slot_px = PATCH_WIDTH_PX / half
    rows = []
    for best in logits.argmax(axis=1).reshape(2, half):
        starts = [slot for slot in np.flatnonzero(best) if slot == 0 or best[slot - 1] != best[slot]]
        ends = [next((s for s in range(start, half) if best[s] != best[start]), half) for start in starts]
        centres = ((start + end) / 2 * slot_px for start, end in zip(starts, ends, strict=True))
        rows.append(_Row("".join(ALPHABET[best[start]] for start in starts), tuple(centres)))
    return rows


def _between(patch: Picture, centres: Sequence[float]) -> list[float]:
    """Where the gaps between characters are, in plate widths."""
    ink = patch[PATCH_HEIGHT_PX // 5 : -PATCH_HEIGHT_PX // 5].std(axis=0)
    whole = PATCH_WIDTH_PX / (1 + 2 * MARGIN_X)
    middles = [round((left + right) / 2) for left, right in pairwise(centres)]
    return [(_emptiest(ink, middle) + 0.5) / whole - MARGIN_X for middle in middles]


def _between_rows(patch: Picture) -> float:
    """Where the gap between the two rows is, in plate heights."""
    ink = patch[:, PATCH_WIDTH_PX // 5 : -PATCH_WIDTH_PX // 5].std(axis=1)
    whole = PATCH_HEIGHT_PX / (1 + 2 * MARGIN_Y)
    return (_emptiest(ink, PATCH_HEIGHT_PX // 2) + 0.5) / whole - MARGIN_Y


def _emptiest(ink: npt.NDArray[np.float64], middle: int) -> int:
    """The line about `middle` with the least on it, the nearest of equals."""
    lines = range(max(0, middle - _GAP_REACH_PX), min(len(ink), middle + _GAP_REACH_PX + 1))
    return min(lines, key=lambda line: (ink[line], abs(line - middle)))


def fitting_gaps(one: Spliceable, other: Spliceable) -> list[tuple[Gap, Gap]]:
    """Pairs of gaps that lie in about the same place; none when sizes or rows do not go together."""
    widths = sorted((one.width_px, other.width_px))
    rows = one.plate.rows
    if other.plate.rows != rows or widths[1] > SAME_SIZE * widths[0]:
        return []
    return [
        (gap, beside)
        for gap in one.gaps
        for beside in other.gaps
        if abs(gap.place - beside.place) <= SAME_PLACE[rows]
    ]


def spliced(one: Spliceable, other: Spliceable, left: Gap, right: Gap) -> tuple[Picture, Quad, str]:
    """What is before gap `left` of `one`, and after gap `right` of `other`: picture, corners, text."""
    width = max(24, round(min(one.width_px, other.width_px)))
    height = max(6, round(width * _aspect(one.plate.quad)))
    x0, y0 = _surroundings(width, height)
    start, end = _straight(one.plate, width, height), _straight(other.plate, width, height)
    plate = slice(y0, y0 + height), slice(x0, x0 + width)
    end = _matched(end, end[plate], start[plate])
    apart = left.place - right.place
    if one.plate.rows == 1:
        picture = _joined(start, end, x0 + left.place * width, apart * width)
    else:
        picture = _joined(start.T, end.T, y0 + left.place * height, apart * height).T
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    text = one.plate.text[: left.before] + other.plate.text[right.before :]
    return picture, corners + np.array([x0, y0], np.float32), text


def _joined(start: Picture, end: Picture, seam: float, shift: float) -> Picture:
    """`start` left of the column `seam`, and right of it `end`, moved right by `shift` px."""
    end = np.roll(end, round(shift), axis=1)
    share = np.clip((np.arange(start.shape[1]) + 0.5 - seam) / SEAM_PX + 0.5, 0, 1)
    return np.asarray(np.rint(start * (1 - share) + end * share), np.uint8)


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


def _matched(picture: Picture, plate: Picture, like: Picture) -> Picture:
    """The picture with its plate's darkest and brightest parts as dark and as bright as the other plate's."""
    (dark, bright), (wanted_dark, wanted_bright) = (np.percentile(one, (5, 95)) for one in (plate, like))
    gain = (wanted_bright - wanted_dark) / max(bright - dark, 8.0)
    return np.asarray(np.clip((picture - dark) * gain + wanted_dark, 0, 255), np.uint8)


def _aspect(quad: Quad) -> float:
    """Height over width."""
    return float(np.linalg.norm(quad[3] - quad[0]) / np.linalg.norm(quad[1] - quad[0]))
