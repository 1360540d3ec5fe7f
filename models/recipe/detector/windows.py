"""Which part of a picture a training frame shows, at which scale, stretched how much.

A unit stretches its whole picture to 448 x 320, so frames are stretched too, and somewhat differently
each time. A window is resized as `anpr_edge.vision.detector.fit` does it: a unit shows no other pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.vision.detector import MAX_STRETCH, PADDING_GREY, fit
from models.recipe.detector.frames import HEIGHT_PX, WIDTH_PX, Floats
from models.recipe.detector.pictures import Picture

PLATE_WIDTHS_PX: Final = (9.0, 150.0)
"""Widths, in input px, that a window brings its plate to; wider plates come with whole pictures."""
WIDEST_PX: Final = 390.0
MAX_ENLARGEMENT: Final = 2.0
LEAST_FILLED: Final = 0.7
"""Share of the frame's width a picture fills at least."""


@dataclass(frozen=True)
class Window:
    """Input px = (picture px − origin) · scale, along each axis; the input is filled up to `filled` px."""

    x0: float
    y0: float
    scale_x: float
    scale_y: float
    filled: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)

    def to_input(self, points: Floats) -> Floats:
        """Picture px (…, 2) to input px (…, 2)."""
        origin = np.array([self.x0, self.y0], np.float32)
        return np.asarray((points - origin) * np.array([self.scale_x, self.scale_y], np.float32), np.float32)

    def cut(self, pixels: NDArray[np.uint8], outside: int) -> NDArray[np.uint8]:
        """The window's contents, uint8 (320, 448); `outside` is the grey beyond the picture's edges."""
        across, down = self.filled
        x0, y0 = round(self.x0), round(self.y0)
        x1 = x0 + max(2, round(across / self.scale_x))
        y1 = y0 + max(2, round(down / self.scale_y))
        height, width = pixels.shape
        inside = pixels[max(0, y0) : min(height, y1), max(0, x0) : min(width, x1)]
        edges = max(0, -y0), max(0, y1 - height), max(0, -x0), max(0, x1 - width)
        if any(edges):
            padded = cv2.copyMakeBorder(inside, *edges, cv2.BORDER_CONSTANT, value=(outside,))
            inside = np.asarray(padded, np.uint8)
        canvas = np.full((HEIGHT_PX, WIDTH_PX), PADDING_GREY, np.uint8)
        canvas[:down, :across] = _resized(inside, across, down)
        return canvas


def _resized(pixels: NDArray[np.uint8], across: int, down: int) -> NDArray[np.uint8]:
    """`pixels` at another size, by a unit's own way of resizing wherever that stretches as far."""
    stretch = (across / pixels.shape[1]) / (down / pixels.shape[0])
    if 1 / MAX_STRETCH <= stretch <= MAX_STRETCH:
        return from_int8(fit(pixels, (down, across)).picture)
    return np.asarray(cv2.resize(pixels, (across, down), interpolation=cv2.INTER_AREA), np.uint8)


def from_int8(picture: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Pixels again from what a model gets."""
    return np.bitwise_xor(picture.view(np.uint8), np.uint8(0x80))


def whole_picture(picture: Picture) -> Window:
    """The picture exactly as a unit sees it."""
    return _fitted(picture, 1.0, 1.0, (0.0, 0.0))


def nearly_whole_picture(rng: np.random.Generator, picture: Picture) -> Window:
    """The picture with a little more or less around it, and stretched a little differently."""
    zoom, stretch = float(np.exp(rng.normal(0, 0.12))), float(np.exp(rng.normal(0, 0.1)))
    return _fitted(picture, zoom * stretch, zoom / stretch, (float(rng.random()), float(rng.random())))


def _fitted(picture: Picture, more_x: float, more_y: float, place: tuple[float, float]) -> Window:
    """A window of a unit's own scales times `more_x` and `more_y`; `place` shares out what is left over."""
    height, width = picture.pixels.shape
    scale_x, scale_y = WIDTH_PX / width * more_x, HEIGHT_PX / height * more_y
    scale_x, scale_y = min(scale_x, MAX_STRETCH * scale_y), min(scale_y, MAX_STRETCH * scale_x)
    filled = min(WIDTH_PX, round(width * scale_x)), min(HEIGHT_PX, round(height * scale_y))
    room_x, room_y = width - filled[0] / scale_x, height - filled[1] / scale_y
    return _rounded(room_x * place[0], room_y * place[1], scale_x, scale_y, filled)


def around_plate(rng: np.random.Generator, picture: Picture) -> Window:
    """A window that brings one of the picture's plates to a width drawn at random, anywhere in the frame."""
    box = picture.boxes[rng.integers(len(picture.boxes))]
    widest = WIDEST_PX if rng.random() < 0.08 else PLATE_WIDTHS_PX[1]
    wanted = float(np.exp(rng.uniform(np.log(PLATE_WIDTHS_PX[0]), np.log(widest))))
    stretch = float(np.exp(rng.uniform(-0.45, 0.45)))
    scale_x = min(wanted / float(box[2] - box[0]), MAX_ENLARGEMENT)
    scale_x = max(scale_x, LEAST_FILLED * WIDTH_PX / picture.pixels.shape[1])
    scale_y = min(scale_x * stretch, 1.5 * MAX_ENLARGEMENT)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    x0 = float(x) - float(rng.uniform(0.06, 0.94)) * WIDTH_PX / scale_x
    y0 = float(y) - float(rng.uniform(0.06, 0.94)) * HEIGHT_PX / scale_y
    return _rounded(x0, y0, scale_x, scale_y)


def anywhere(rng: np.random.Generator, picture: Picture) -> Window:
    """Some part of a picture, from half its sides to all of it."""
    height, width = picture.pixels.shape
    share = float(rng.uniform(0.45, 1.0))
    stretch = float(np.exp(rng.uniform(-0.25, 0.25)))
    scale_x, scale_y = WIDTH_PX / (width * share) * stretch, HEIGHT_PX / (height * share)
    room_x, room_y = width - WIDTH_PX / scale_x, height - HEIGHT_PX / scale_y
    return _rounded(room_x * float(rng.random()), room_y * float(rng.random()), scale_x, scale_y)


def _rounded(
    x0: float, y0: float, scale_x: float, scale_y: float, filled: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)
) -> Window:
    """A window that begins and ends on whole picture px, so that labels and resampling agree exactly."""
    across, down = max(2, round(filled[0] / scale_x)), max(2, round(filled[1] / scale_y))
    return Window(round(x0), round(y0), filled[0] / across, filled[1] / down, filled)
