"""Real pictures with their plates, as the composer takes them: grey, in memory, every box in one style."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.recipe.data import Background, Collection, Scene, Split
from models.recipe.detector.frames import BOX_MARGIN, Floats, standard_box

MAX_SIDE_PX: Final = 1280
INCOMPLETE_SOURCES: Final = frozenset({"robertlucian"})
"""Sources with many unlabelled plates: of fifty confident finds beside the labels nearly all were plates."""
MISLABELLED: Final = frozenset({"openalpr_br/PAG5219.jpg"})
"""Scenes whose box is not on the plate; found by looking at where a trained detector disagrees."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A grey picture, uint8 (H, W), with `boxes` (n, 4), `quads` (n, 4, 2) in its px, NaN if unknown."""

    pixels: NDArray[np.uint8]
    boxes: Floats
    quads: Floats
    complete: bool
    source: str


def training_pictures(collection: Collection, split: Split) -> tuple[list[Picture], list[Picture]]:
    """The split's scenes, and its pictures without plates."""
    scenes = [of_scene(scene) for scene in collection.scenes_in(split) if scene.name not in MISLABELLED]
    return scenes, list(_empty(collection.backgrounds_in(split)))


def of_scene(scene: Scene) -> Picture:
    """A labelled scene, shrunk to at most 1,280 px."""
    pixels, scale = _load(scene.path)
    boxes = [standard_box(plate.box, scene.source) for plate in scene.plates]
    corners = [plate.corners.points if plate.corners else [(np.nan, np.nan)] * 4 for plate in scene.plates]
    quads = np.array(corners, np.float32).reshape(-1, 4, 2)
    edges = np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes], np.float32).reshape(-1, 4)
    known = ~np.isnan(quads).any(axis=(1, 2))
    edges[known] = boxes_of_quads(quads[known])
    complete = scene.source not in INCOMPLETE_SOURCES
    return Picture(pixels, edges * scale, quads * scale, complete, scene.source)


def boxes_of_quads(quads: Floats) -> Floats:
    """The upright boxes (n, 4) around faces (n, 4, 2), grown by the margin all boxes share."""
    low, high = quads.min(axis=1), quads.max(axis=1)
    middle, half = (low + high) / 2, (high - low) / 2 * np.array(BOX_MARGIN, np.float32)
    return np.asarray(np.concatenate([middle - half, middle + half], axis=1), np.float32)


def _empty(backgrounds: Iterable[Background]) -> Iterable[Picture]:
    no_boxes, no_quads = np.zeros((0, 4), np.float32), np.zeros((0, 4, 2), np.float32)
    for shot in backgrounds:
        pixels, _ = _load(shot.path)
        yield Picture(pixels, no_boxes, no_quads, True, shot.source)


def _load(path: Path) -> tuple[NDArray[np.uint8], float]:
    """A picture in grey and the scale it was shrunk by.

    Raises: ValueError naming the file when it cannot be decoded.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise ValueError(f"{path}: not a picture")
    scale = min(1.0, MAX_SIDE_PX / max(pixels.shape))
    if scale < 1:
        size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(pixels, np.uint8), scale
