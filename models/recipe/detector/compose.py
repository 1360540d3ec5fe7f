"""One training frame from a real picture: a window of it, plates pasted in, exposed anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.recipe.detector import exposure, pasting, transplanting, windows
from models.recipe.detector.frames import Floats, LabelledFrame, sort_out
from models.recipe.detector.pictures import Picture, boxes_of_quads


@dataclass(frozen=True, eq=False)
class Sources:
    """What frames are made from."""

    scenes: list[Picture]
    empty: list[Picture]
    roads: list[Picture]


def random_frame(rng: np.random.Generator, sources: Sources) -> LabelledFrame:
    """A frame for training; deterministic in `rng`."""
    picture, window = _pick(rng, sources)
    pixels = window.cut(picture.pixels, int(rng.choice([0, 114, 255, rng.integers(256)])))
    light = pixels.astype(np.float32) / 255
    quads = window.to_input(picture.quads)
    boxes = window.to_input(picture.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
    stretch = window.scale_y / window.scale_x
    way = rng.random()
    if way < 0.15:
        transplanting.reletter(rng, light, quads)
    elif way < 0.55:
        boxes, quads = transplanting.transplant(
            rng, light, boxes, quads, stretch=stretch, source=picture.source
        )
    boxes, quads = _paste_all(rng, light, boxes, quads, stretch)
    known = quads[~np.isnan(quads).any(axis=(1, 2))]
    if rng.random() < (0.25 if len(known) == len(quads) else 0.1):
        light = exposure.night(rng, light, known)
    if rng.random() < 0.12:
        exposure.lamps(rng, light, boxes)
    counted, ignored = sort_out(boxes)
    return LabelledFrame(
        exposure.expose(rng, light), boxes[counted], quads[counted], boxes[ignored], picture.complete
    )


def plain_frame(picture: Picture) -> LabelledFrame:
    """A whole picture as a unit sees it, nothing added: for calibrating and checking."""
    window = windows.whole_picture(picture)
    quads = window.to_input(picture.quads)
    boxes = window.to_input(picture.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
    counted, ignored = sort_out(boxes)
    pixels = window.cut(picture.pixels, 0)
    return LabelledFrame(pixels, boxes[counted], quads[counted], boxes[ignored], picture.complete)


def _pick(rng: np.random.Generator, sources: Sources) -> tuple[Picture, windows.Window]:
    kind = rng.random()
    if kind < 0.2:
        picture = sources.empty[rng.integers(len(sources.empty))]
        return picture, windows.anywhere(rng, picture)
    pool = sources.roads if kind < 0.32 else sources.scenes
    picture = pool[rng.integers(len(pool))]
    way = rng.random()
    if way < 0.18:
        return picture, windows.whole_picture(picture)
    if way < 0.45:
        return picture, windows.nearly_whole_picture(rng, picture)
    if way < 0.9 and len(picture.boxes):
        return picture, windows.around_plate(rng, picture)
    return picture, windows.anywhere(rng, picture)


def _paste_all(
    rng: np.random.Generator, light: Floats, boxes: Floats, quads: Floats, stretch: float
) -> tuple[Floats, Floats]:
    """Boxes and quads with those of pasted plates added, decoys and captions drawn; changes `light`."""
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.45, 0.3, 0.17, 0.08]))):
        quad = pasting.paste_plate(rng, light, boxes, stretch)
        if quad is not None:
            quads = np.concatenate([quads, quad[np.newaxis]])
            boxes = np.concatenate([boxes, boxes_of_quads(quad[np.newaxis])])
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.6, 0.2, 0.12, 0.08]))):
        pasting.paste_decoy(rng, light, boxes)
    if rng.random() < 0.12:
        pasting.caption(rng, light, boxes)
    return boxes, quads
