"""Other plates on real cars: in the real plate's place, at its brightness, or of another shape instead of it.

Most pictures at hand show American and Brazilian cars; most plates to be read are long European ones.
Frames here are `float32 (320, 448)` light, 1.0 just not saturated.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from models.recipe.detector.frames import BOX_MARGIN, HEIGHT_PX, WIDTH_PX, Floats
from models.recipe.detector.pasting import draw_face
from models.recipe.detector.pictures import boxes_of_quads
from models.recipe.synthesis.plates import random_plate

UPRIGHT_SOURCES: Final = frozenset({"openalpr_us", "openalpr_br", "kslat3r_uk"})
"""Sources whose plates are upright enough for the box to stand for unknown corners."""
LEAST_WIDTH_PX: Final = 10.0


def reletter(rng: np.random.Generator, light: Floats, quads: Floats) -> None:
    """Put a made-up plate of the same brightness over each real one with known corners; changes `light`."""
    for quad in quads:
        seen = _seen(light, quad)
        if seen is None:
            continue
        low, high = np.percentile(seen, (8, 92))
        face = random_plate(rng).reflectance
        dark, bright = np.percentile(face, (8, 92))
        face = low + (face - dark) / max(float(bright - dark), 0.1) * (high - low)
        softness = max(0.1, face.shape[0] * float(rng.uniform(0, 0.05)))
        blurred = cv2.GaussianBlur(face, (0, 0), softness)
        draw_face(light, np.clip(blurred, 0, 1.2).astype(np.float32), quad)


def transplant(
    rng: np.random.Generator, light: Floats, boxes: Floats, quads: Floats, *, stretch: float, source: str
) -> tuple[Floats, Floats]:
    """Put a made-up plate of its own shape where each real one is; the new boxes and quads.

    `stretch` is how much more the frame's height is scaled than its width. Changes `light`.
    """
    boxes, quads = boxes.copy(), quads.copy()
    for index, box in enumerate(boxes):
        old = quads[index]
        if np.isnan(old).any() and source in UPRIGHT_SOURCES:
            old = _face_in(box)
        seen = _seen(light, old)
        if seen is None or np.ptp(old[:, 0]) < LEAST_WIDTH_PX:
            continue
        art = random_plate(rng).reflectance
        new = _of_shape(rng, old, art.shape[0] / art.shape[1] * stretch)
        _hide(rng, light, old, new)
        low, high = np.percentile(seen, (8, 92))
        bright = high * float(rng.uniform(0.7, 1.2))
        dark = min(low, bright) * float(rng.uniform(0.3, 1.0))
        face = dark + np.clip(art, 0, 1) * max(bright - dark, 0.08)
        draw_face(light, np.clip(face, 0, 1.2).astype(np.float32), new)
        quads[index] = new
        boxes[index] = boxes_of_quads(new[np.newaxis])[0]
    return boxes, quads


def _seen(light: Floats, quad: Floats) -> Floats | None:
    """The light inside a quad; None when its corners are unknown, outside the frame or too close together."""
    if np.isnan(quad).any() or (quad.max(axis=0) > (WIDTH_PX, HEIGHT_PX)).any() or quad.min() < 0:
        return None
    mask = np.zeros(light.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(quad).astype(np.int32)], (1,))
    inside = light[mask > 0]
    return inside if inside.size >= 20 else None


def _face_in(box: Floats) -> Floats:
    """The corners of the face in a box of the shared style."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 / np.array(BOX_MARGIN)
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return np.asarray(middle + signs * half, np.float32)


def _of_shape(rng: np.random.Generator, old: Floats, aspect: float) -> Floats:
    """A face of another height over width about the same middle, along the same edges."""
    middle = old.mean(axis=0)
    across = (old[1] - old[0] + old[2] - old[3]) / 4
    down = (old[3] - old[0] + old[2] - old[1]) / 4
    bigger = float(rng.uniform(0.75, 1.35)) * (1.25 if aspect < 0.3 else 0.9)
    wide = across * bigger
    tall = down / max(float(np.linalg.norm(down)), 1e-3) * float(np.linalg.norm(wide)) * aspect
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
    return np.asarray(middle + signs[:, :1] * wide + signs[:, 1:] * tall, np.float32)


def _hide(rng: np.random.Generator, light: Floats, old: Floats, new: Floats) -> None:
    """Cover the old plate, and a little around the new one, with what surrounds it."""
    points = np.concatenate([old, new])
    middle = points.mean(axis=0)
    low, high = points.min(axis=0), points.max(axis=0)
    half = (high - low) / 2 * rng.uniform(1.04, 1.3, 2)
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    cover = np.asarray(middle + signs * half, np.float32)
    ring = _seen(light, np.clip(middle + signs * half * 1.15, 0, (WIDTH_PX, HEIGHT_PX)).astype(np.float32))
    tone = float(np.median(ring)) if ring is not None else 0.3
    tone *= float(rng.uniform(0.3, 1.2))
    shade = np.linspace(tone * 0.85, tone * 1.15, 20, dtype=np.float32)
    draw_face(light, np.repeat(shade[:, np.newaxis], 40, axis=1), cover)
