"""The reader's work in pieces of pure arithmetic: the same arrays in should give the same out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Box, Quad
from anpr_edge.vision.closeup import window_around
from anpr_edge.vision.ctc import greedy, softmax
from anpr_edge.vision.decode import decode
from anpr_edge.vision.detector import fit
from anpr_edge.vision.motion import SMALL_WIDTH_PX
from anpr_edge.vision.pixels import resize
from anpr_edge.vision.rectify import rectify, sharpness, stretch_contrast
from anpr_edge.vision.tflite import TfliteModel

Array = NDArray[Any]
Arrays = tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One stage's work once: what went in and what came out."""

    stage: str
    inputs: Arrays
    outputs: Arrays


class Stages:
    """The stages with the models of one folder, each by the name it has in the report."""

    def __init__(self, models: Path) -> None:
        self._models = models

    @cached_property
    def _detector(self) -> TfliteModel:
        return TfliteModel.load(self._models, "detector")

    @cached_property
    def _closeup(self) -> TfliteModel:
        return TfliteModel.load(self._models, "closeup")

    @cached_property
    def _recogniser(self) -> TfliteModel:
        return TfliteModel.load(self._models, "recogniser")

    @property
    def runtime(self) -> str:
        """Which TFLite runtime runs the models."""
        return self._detector.runtime

    def do(self, stage: str, *inputs: Array) -> Arrays:
        """The outputs of one stage for these inputs."""
        return tuple(np.asarray(output) for output in self._work[stage](*inputs))

    @cached_property
    def _work(self) -> dict[str, Callable[..., Any]]:
        return {
            "gate's picture": lambda pixels: [_gate_picture(pixels)],
            "detector's picture": lambda pixels: [fit(pixels, self._detector.input_shape).picture],
            "detector, int8": self._detector.run_int8,
            "detector's plates": lambda *raw: _plates(self._detector, raw),
            "close-up's picture": lambda pixels: [fit(pixels, self._closeup.input_shape).picture],
            "close-up, int8": self._closeup.run_int8,
            "close-up's plates": lambda *raw: _plates(self._closeup, raw),
            "plate, flat": lambda pixels, quad: [rectify(pixels, _quad(quad), self._recogniser.input_shape)],
            "plate, stretched": lambda patch: [stretch_contrast(patch)],
            "plate's sharpness": lambda picture: [sharpness(picture)],
            "recogniser, int8": self._recogniser.run_int8,
            "recogniser's probabilities": lambda raw: [self._probabilities(raw)],
            "text and score": _text,
        }

    def _probabilities(self, raw: NDArray[np.int8]) -> Array:
        (logits,) = self._recogniser.dequantised([raw])
        return softmax(logits.reshape(-1, logits.shape[-1]), self._recogniser.card.temperature)

    def walk(self, pixels: NDArray[np.uint8]) -> Iterator[Step]:
        """Every step from one frame to the texts of its plates."""
        yield self._step("gate's picture", pixels)
        _, boxes, quads = yield from self._look("detector", pixels)
        scale = np.array(self._detector.input_shape[::-1]) / np.array(pixels.shape[::-1])
        for box, quad in zip(boxes / np.tile(scale, 2), quads / scale, strict=True):
            left, top, right, bottom = window_around(Box(*box.tolist()), pixels.shape[1], pixels.shape[0])
            yield from self._look("close-up", np.ascontiguousarray(pixels[top:bottom, left:right]))
            yield from self._read(pixels, np.asarray(quad, np.float64))

    def _look(self, model: str, pixels: Array) -> Generator[Step, None, Arrays]:
        fitted = self._step(f"{model}'s picture", pixels)
        raw = self._step(f"{model}, int8", *fitted.outputs)
        found = self._step(f"{model}'s plates", *raw.outputs)
        yield from (fitted, raw, found)
        return found.outputs

    def _read(self, pixels: Array, quad: Array) -> Iterator[Step]:
        flat = self._step("plate, flat", pixels, quad)
        stretched = self._step("plate, stretched", *flat.outputs)
        raw = self._step("recogniser, int8", *stretched.outputs)
        probabilities = self._step("recogniser's probabilities", *raw.outputs)
        yield from (flat, stretched, self._step("plate's sharpness", *stretched.outputs), raw, probabilities)
        yield self._step("text and score", *probabilities.outputs)

    def _step(self, stage: str, *inputs: Array) -> Step:
        return Step(stage, inputs, self.do(stage, *inputs))


def _gate_picture(pixels: NDArray[np.uint8]) -> Array:
    step = max(1, pixels.shape[1] // SMALL_WIDTH_PX)
    return resize(pixels, (pixels.shape[1] // step, pixels.shape[0] // step))


def _plates(model: TfliteModel, raw: Arrays) -> Arrays:
    heat, offset, size, corners = (output[0] for output in model.dequantised(list(raw)))
    found = decode(heat, offset, size, corners, 0.3, stride_px=model.card.stride)
    return found.scores, found.boxes, found.quads


def _quad(corners: Array) -> Quad:
    return Quad(*((float(x), float(y)) for x, y in corners))


def _text(probabilities: NDArray[np.float32]) -> Arrays:
    reading = greedy(probabilities)
    return reading.columns, reading.rows, np.array(reading.score)
