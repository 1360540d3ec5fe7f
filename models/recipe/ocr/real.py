"""Real plates for the recogniser: held-out patches as they are, training patches roughened anew each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from anpr_edge import records
from anpr_edge.vision.rectify import fit_crop, stretch_contrast
from models.recipe.data import Crop, LabelledPlate, Scene, Split, load_collection
from models.recipe.ocr.shards import as_pixels
from models.recipe.synthesis.crops import (
    PATCH_HEIGHT_PX,
    PATCH_WIDTH_PX,
    Quad,
    Sample,
    cut,
    random_blank,
    rectified,
)
from models.recipe.synthesis.looks import Picture, reexpose

CUT_FROM_SCENES: Final = ("_derived", "_pseudo")
"""Endings of crop sources whose plates are also labelled in scenes, where there is more around them."""

_BY_SOURCE: Final = {
    "robertlucian": "near-ir",
    "cnn_ocr_lp_ar": "night",
    "openalpr_eu2_twoline_crops": "two-line",
}
_BY_COUNTRY: Final = {"gb": "uk", "je": "uk", "im": "uk", "us": "us", "br": "br"}
SLICE_WEIGHTS: Final = {"two-line": 2.5, "night": 2.0, "uk": 2.5, "near-ir": 0.6, "br": 1.5}
"""How often a training plate of a slice is drawn, against 1 for the others."""

_CROP_INSET: Final = (0.035, 0.08)
"""Share of a ready crop's width and height that is not plate, at each side (measured by eye on 50 crops)."""


@dataclass(frozen=True)
class RealCrop:
    """A held-out crop as it lies in the collection."""

    name: str
    path: Path
    text: str
    slices: tuple[str, ...]

    def pixels(self) -> Picture:
        """The whole crop, ``uint8 (H, W)``."""
        return _grey(self.path)

    def stretched(self) -> npt.NDArray[np.int8]:
        """The whole crop as a unit would give it to the model, ``int8 (40, 144)``."""
        return stretch_contrast(fit_crop(self.pixels(), (PATCH_HEIGHT_PX, PATCH_WIDTH_PX)))

    def patch(self) -> Picture:
        """The same in grey levels, ``uint8 (40, 144)``."""
        return as_pixels(self.stretched())


@dataclass(frozen=True)
class RealPlate:
    """A plate to train on: where it is in which picture, and where that is from."""

    path: Path
    quad: Quad
    text: str
    rows: int
    source: str
    country: str

    @property
    def slice(self) -> str:
        """The slice of the accuracy table that it would count in."""
        return slice_of(self.source, self.country)

    @property
    def weight(self) -> float:
        """How often it is drawn, against 1 for most plates."""
        return SLICE_WEIGHTS.get(self.slice, 1.0)

    def pixels(self) -> Picture:
        """The whole picture it is in, ``uint8 (H, W)``."""
        return _grey(self.path)


def crops_of(split: Split) -> list[RealCrop]:
    """The ready crops of one split, texts supplied by a model left out."""
    crops = load_collection().crops_in(split)
    return [
        RealCrop(crop.name, crop.path, crop.text, (slice_of(crop.source, crop.country),))
        for crop in crops
        if not crop.pseudo and crop.text
    ]


def slice_of(source: str, country: str) -> str:
    """The slice of the accuracy table for a source of crops or scenes, or else for a country."""
    named = _BY_SOURCE.get(source.removesuffix("_derived"))
    return named or _BY_COUNTRY.get(country, "single-line")


def real_drawer() -> Callable[[np.random.Generator], Sample]:
    """A function that draws a roughened training patch of some real plate."""
    plates = training_plates()
    weights = np.array([plate.weight for plate in plates])
    odds = weights / weights.sum()

    def draw(rng: np.random.Generator) -> Sample:
        return roughen(rng, plates[int(rng.choice(len(plates), p=odds))])

    return draw


def roughen(rng: np.random.Generator, plate: RealPlate) -> Sample:
    """Another look at a real plate."""
    return worn(rng, *_around(plate.pixels(), plate.quad), plate.text)


def worn(rng: np.random.Generator, picture: Picture, quad: Quad, text: str) -> Sample:
    """A plate in a picture at another size, with another exposure and cut; at times inverted."""
    width_px = float(np.linalg.norm(quad[1] - quad[0]))
    wanted = float(np.exp(rng.uniform(np.log(50), np.log(230))))
    if wanted < width_px:
        scale = wanted / width_px
        picture = np.asarray(
            cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
        quad, width_px = quad * np.float32(scale), wanted
    picture = reexpose(rng, picture, width_px)
    if rng.random() < 0.03:
        picture = np.asarray(255 - picture, np.uint8)
    return Sample(cut(rng, picture, quad), text)


@cache
def training_plates() -> tuple[RealPlate, ...]:
    """Every plate with a text in the training split: those in scenes, and crops that are not cut from one."""
    collection = load_collection()
    plates = [
        _from_scene(scene, plate)
        for scene in collection.scenes_in("train")
        for plate in scene.plates
        if plate.text
    ]
    plates += [
        _from_crop(crop)
        for crop in collection.crops_in("train")
        if crop.text and not crop.source.endswith(CUT_FROM_SCENES)
    ]
    return tuple(plates)


def rectified_scene_plates(split: Split) -> list[tuple[Picture, str, str]]:
    """Plates of one split whose corners are known: rectified patch, text and the scene's source."""
    found = []
    for scene in load_collection().scenes_in(split):
        for plate in scene.plates:
            if plate.text and not plate.pseudo and plate.corners is not None:
                patch = rectified(_grey(scene.path), _as_array(plate.corners))
                found.append((patch, plate.text, scene.source))
    return found


def blank_patches(split: Split, each: int = 10) -> Iterator[npt.NDArray[np.int8]]:
    """Plate-shaped patches from places of the split's plate-free pictures, the same every time."""
    rng = np.random.default_rng(0)
    for shot in load_collection().backgrounds_in(split):
        for _ in range(each):
            yield stretch_contrast(_somewhere(rng, _grey(shot.path)))


def blank_drawer() -> Callable[[np.random.Generator], Sample]:
    """A function that draws a patch with nothing to read: made up, or from a plate-free training picture."""
    paths = [shot.path for shot in load_collection().backgrounds_in("train")]

    def draw(rng: np.random.Generator) -> Sample:
        if rng.random() < 0.4:
            return random_blank(rng)
        patch = _somewhere(rng, _grey(paths[int(rng.integers(len(paths)))]))
        return Sample(reexpose(rng, patch, PATCH_WIDTH_PX), "")

    return draw


def _somewhere(rng: np.random.Generator, picture: Picture) -> Picture:
    """A plate-shaped part of the picture, as ``uint8 (40, 144)``."""
    height, width = picture.shape
    wide = int(min(width, height) * rng.uniform(0.1, 0.5))
    high = max(8, int(wide * rng.uniform(0.2, 0.6)))
    x, y = int(rng.integers(width - wide)), int(rng.integers(height - high))
    return fit_crop(picture[y : y + high, x : x + wide], (PATCH_HEIGHT_PX, PATCH_WIDTH_PX))


def _from_scene(scene: Scene, plate: LabelledPlate) -> RealPlate:
    corners = plate.corners or records.Quad.of_box(plate.box)
    quad = _as_array(corners)
    return RealPlate(scene.path, quad, plate.text or "", 1, scene.source, scene.country)


def _from_crop(crop: Crop) -> RealPlate:
    height, width = _grey(crop.path).shape
    side, top = _CROP_INSET[0] * width, _CROP_INSET[1] * height
    box = records.Box(side, top, width - side, height - top)
    quad = _as_array(records.Quad.of_box(box))
    return RealPlate(crop.path, quad, crop.text, crop.rows or 1, crop.source, crop.country)


def _as_array(quad: records.Quad) -> Quad:
    return np.array(quad.points, np.float32)


def _around(picture: Picture, quad: Quad) -> tuple[Picture, Quad]:
    """The part of the picture that a loose cut of the quad may touch, and the quad in it."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    reach = 0.6 * (high - low)
    x0, y0 = (max(0, int(edge)) for edge in low - reach)
    x1, y1 = (int(edge) + 1 for edge in high + reach)
    return picture[y0:y1, x0:x1], quad - np.array([x0, y0], np.float32)


@cache
def _grey(path: Path) -> Picture:
    """The picture as ``uint8 (H, W)``.

    Raises: ValueError when it cannot be read.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise ValueError(f"{path.name}: not a picture")
    return np.asarray(picture, np.uint8)
