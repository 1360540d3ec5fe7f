"""The plate detector: one grey picture in, plates with boxes and corners out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anpr_edge.errors import ModelError
from anpr_edge.records import Box, Detection, Point, Quad
from anpr_edge.vision.card import ModelCard
from anpr_edge.vision.decode import Decoded, decode
from anpr_edge.vision.pixels import check_picture, resize
from anpr_edge.vision.tflite import to_int8

OUTPUTS = ("heat", "offset", "size", "corners")
MAX_STRETCH = 1.6
"""How much more one axis may be scaled than the other: 16:9 and 4:3 both fit without padding."""
PADDING_GREY = 114


class Network(Protocol):
    """What a detector asks of its model, on a unit a `TfliteModel`."""

    card: ModelCard

    def run(self, picture: NDArray[np.int8]) -> list[NDArray[np.float32]]:
        """The outputs for an int8 (height, width) picture, in the card's order."""
        ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture at the model's size: int8 (height, width), and input px per sensor px on each axis."""

    picture: NDArray[np.int8]
    scale_x: float
    scale_y: float


class TfliteDetector:
    """Finds plates with a TFLite model; see `seams.Detector`."""

    def __init__(self, model: Network, score_min: float | None = None) -> None:
        """`score_min` replaces the card's own threshold, 0 to 1 exclusive."""
        if model.card.task != "plate-detector" or tuple(o.name for o in model.card.outputs) != OUTPUTS:
            raise ModelError(f"{model.card.model_id}: not a plate detector with outputs {', '.join(OUTPUTS)}")
        self._model = model
        self._threshold = model.card.threshold if score_min is None else score_min
        if not 0 < self._threshold < 1:
            raise ModelError(
                f"{model.card.model_id}: score threshold {self._threshold} is not between 0 and 1"
            )

    @property
    def model_id(self) -> str:
        """Name, version and checksum of the model."""
        return self._model.card.model_id

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        """Plates in a uint8 (height, width) picture, best first, in its own px, `known` or not.

        Raises: CaptureError for anything but such a picture.
        """
        del known
        check_picture(pixels)
        fitted = fit(pixels, self._model.card.input_shape)
        heat, offset, size, corners = (output[0] for output in self._model.run(fitted.picture))
        found = decode(heat, offset, size, corners, self._threshold, stride_px=self._model.card.stride)
        return list(_detections(found, fitted, pixels.shape[1], pixels.shape[0]))


def fit(pixels: NDArray[np.uint8], shape: tuple[int, int]) -> Fitted:
    """A uint8 (height, width) picture stretched to `shape`, as the detector is trained on.

    Beyond a stretch of 1.6 the longer axis stops and grey fills the right or the bottom.
    """
    height, width = pixels.shape
    scale_y, scale_x = shape[0] / height, shape[1] / width
    scale_x, scale_y = min(scale_x, MAX_STRETCH * scale_y), min(scale_y, MAX_STRETCH * scale_x)
    inner = max(1, round(width * scale_x)), max(1, round(height * scale_y))
    resized = resize(pixels, inner)
    if resized.shape != shape:
        padded = np.full(shape, PADDING_GREY, np.uint8)
        padded[: inner[1], : inner[0]] = resized
        resized = padded
    return Fitted(to_int8(resized), inner[0] / width, inner[1] / height)


def _detections(found: Decoded, fitted: Fitted, width: int, height: int) -> Iterable[Detection]:
    scale = np.array([fitted.scale_x, fitted.scale_y], np.float32)
    boxes = (found.boxes.reshape(-1, 2, 2) / scale).clip(0, (width, height)).reshape(-1, 4)
    quads = found.quads / scale
    for score, box, quad in zip(found.scores.tolist(), boxes.tolist(), quads.tolist(), strict=True):
        placed = Box(*box)
        if placed.width >= 1 and placed.height >= 1:
            yield Detection(placed, Quad(*map(_point, quad)), score)


def _point(xy: list[float]) -> Point:
    return xy[0], xy[1]
