"""Patches as the recogniser gets them, cut from made-up or real pictures with all the faults of a detector.

A patch is either *rectified* (the plate's four corners, each a little wrong, stretched to the input) or a
*box* (an upright rectangle around a leaning plate, stretched to the input). Both are ``uint8 (40, 144)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from anpr_edge import records
from anpr_edge.vision.rectify import rectify
from models.recipe.synthesis.looks import Light, Picture, expose, expose_far
from models.recipe.synthesis.plates import random_plate
from models.recipe.synthesis.surroundings import bodywork, holder, non_plate

PATCH_HEIGHT_PX: Final = 40
PATCH_WIDTH_PX: Final = 144

DISTANT_CODES: Final = ("UK", "GB", "RO", "D", "I", "BG", "H", "XX")
"""Nations of distant plates: mostly those of our roads and of the infrared pictures we have."""
DISTANT_SHARE: Final = 0.25
"""One-row plates drawn once more at the widths at which most reads are lost, 54 to 96 px."""

Quad = npt.NDArray[np.float32]
"""Corners ``float32 (4, 2)`` in pixels: top left, top right, bottom right, bottom left."""


@dataclass(frozen=True)
class Sample:
    """One example for the recogniser; ``text`` is empty when there is nothing to read."""

    pixels: Picture
    text: str


def random_crop(rng: np.random.Generator, two_row_share: float = 0.22) -> Sample:
    """A made-up plate on made-up bodywork, shot by a made-up camera; deterministic in ``rng``."""
    plate = random_plate(rng, two_row_share)
    face = holder(rng, plate.reflectance) if rng.random() < 0.35 else plate.reflectance
    smallest, largest = (46, 230) if plate.rows == 1 else (32, 150)
    width_px = float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))
    if plate.rows == 1 and rng.random() < DISTANT_SHARE:
        width_px = float(rng.uniform(54, 96))
    light, quad = _place(rng, face, width_px)
    picture = expose(rng, light, width_px)
    return Sample(cut(rng, picture, quad), plate.text)


def distant_crop(rng: np.random.Generator) -> Sample:
    """A small one-row plate in the dark: the widths and the looks at which most reads are lost."""
    plate = random_plate(rng, 0.0, DISTANT_CODES)
    face = holder(rng, plate.reflectance) if rng.random() < 0.5 else plate.reflectance
    light, quad = _place(rng, face, float(rng.uniform(54, 110)))
    return Sample(cut(rng, expose_far(rng, light), quad), plate.text)


def random_blank(rng: np.random.Generator) -> Sample:
    """A patch without a plate."""
    width = int(np.exp(rng.uniform(np.log(40), np.log(200))))
    height = max(8, int(width * rng.uniform(0.2, 0.8)))
    picture = expose(rng, non_plate(rng, height, width), width)
    pixels = cv2.resize(picture, (PATCH_WIDTH_PX, PATCH_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return Sample(np.asarray(pixels, np.uint8), "")


def cut(rng: np.random.Generator, picture: Picture, quad: Quad) -> Picture:
    """The patch of a plate found with some error: rectified, or one time in two an upright box."""
    height_px = float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
    if rng.random() < 0.5:
        wrong = rng.normal(0, 0.045, (4, 2)).astype(np.float32) * height_px
        shift = rng.normal(0, 0.05, 2).astype(np.float32) * height_px
        return rectified(picture, quad + wrong + shift)
    low, high = quad.min(axis=0), quad.max(axis=0)
    spread = high - low
    margin = rng.uniform((-0.01, -0.02), (0.08, 0.18)) * spread
    shift = rng.normal(0, (0.015, 0.05)) * spread
    x0, y0 = low - margin + shift
    x1, y1 = high + margin + shift
    return _stretched(picture, np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32))


def grow(quad: Quad, side: float, top: float) -> Quad:
    """The quad, ``side`` of its width larger at each side and ``top`` of its height above and below."""
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    to_quad = cv2.getPerspectiveTransform(unit, quad.astype(np.float32))
    wider = np.array([[-side, -top], [1 + side, -top], [1 + side, 1 + top], [-side, 1 + top]], np.float32)
    return np.asarray(cv2.perspectiveTransform(wider[None], to_quad)[0], np.float32)


def rectified(picture: Picture, quad: Quad) -> Picture:
    """The plate inside ``quad`` as a unit cuts it out of a frame, with the same margins."""
    corners = records.Quad(*((float(x), float(y)) for x, y in quad))
    return rectify(picture, corners, (PATCH_HEIGHT_PX, PATCH_WIDTH_PX))


def _stretched(picture: Picture, quad: Quad) -> Picture:
    """The inside of ``quad`` as ``uint8 (40, 144)``; supersampled when the quad is larger."""
    finer_x = max(1, round(float(np.linalg.norm(quad[1] - quad[0])) / PATCH_WIDTH_PX))
    finer_y = max(1, round(float(np.linalg.norm(quad[3] - quad[0])) / PATCH_HEIGHT_PX))
    width, height = PATCH_WIDTH_PX * finer_x, PATCH_HEIGHT_PX * finer_y
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
    to_patch = cv2.getPerspectiveTransform(quad.astype(np.float32) - np.float32(0.5), corners)
    patch = cv2.warpPerspective(
        picture, to_patch, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if (finer_x, finer_y) != (1, 1):
        patch = cv2.resize(patch, (PATCH_WIDTH_PX, PATCH_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(patch, np.uint8)


def _place(rng: np.random.Generator, face: Light, width_px: float) -> tuple[Light, Quad]:
    """The plate, leaning and foreshortened, on bodywork: the scene's light and the plate's corners."""
    aspect = face.shape[0] / face.shape[1] / float(rng.uniform(0.7, 1.12))
    height_px = width_px * aspect
    lean = np.deg2rad(rng.normal(0, 4.0))
    turn = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    shear = np.array([[1, rng.normal(0, 0.03)], [rng.normal(0, 0.08), 1]])
    flat = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * (width_px, height_px)
    quad = flat @ shear @ turn + rng.normal(0, 0.03, (4, 2)) * height_px
    margin = np.array([0.18 * width_px, 0.35 * height_px]) + 2
    quad = (quad - quad.min(axis=0) + margin).astype(np.float32)
    width, height = (int(edge) for edge in quad.max(axis=0) + margin)
    light = bodywork(rng, height, width)
    shrink = min(1.0, 1.6 * width_px / face.shape[1])
    if shrink < 1:
        face = np.asarray(
            cv2.resize(face, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.float32
        )
    edges = np.array(
        [[0, 0], [face.shape[1], 0], [face.shape[1], face.shape[0]], [0, face.shape[0]]], np.float32
    )
    to_scene = cv2.getPerspectiveTransform(edges - np.float32(0.5), quad - np.float32(0.5))
    cv2.warpPerspective(
        face, to_scene, (width, height), dst=light, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    return light, quad
