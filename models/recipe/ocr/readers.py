"""The exported models as readers of patches: int8 as a unit runs it, float32 to see what quantising cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from anpr_edge.vision.ctc import Reading, softmax
from anpr_edge.vision.recogniser import MAX_CHARACTERS, MIN_CHARACTERS, read_patch
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.ocr.alphabet import ALPHABET
from models.recipe.outputs import open_model

Logits = npt.NDArray[np.float32]
"""``float32 (72, 37)``."""


class PatchReader(Protocol):
    """Anything that gives logits for a contrast-stretched patch."""

    def logits(self, patch: npt.NDArray[np.int8]) -> Logits:
        """Logits for an ``int8 (40, 144)`` patch."""
        ...


@dataclass(frozen=True)
class Int8Reader:
    """The shipped model behind the shipped wrapper."""

    model: TfliteModel

    def logits(self, patch: npt.NDArray[np.int8]) -> Logits:
        """Dequantised logits."""
        answer = self.model.run(patch)[0]
        return answer.reshape(-1, len(ALPHABET))


class FloatReader:
    """The float32 TFLite file, which units never see."""

    def __init__(self, path: Path) -> None:
        self._interpreter: Final = open_model(path)
        self._input: Final = self._interpreter.get_input_details()[0]["index"]
        self._output: Final = self._interpreter.get_output_details()[0]["index"]

    def logits(self, patch: npt.NDArray[np.int8]) -> Logits:
        """The model's own logits."""
        self._interpreter.set_tensor(self._input, (patch.astype(np.float32) / 128)[None, :, :, None])
        self._interpreter.invoke()
        answer: Logits = self._interpreter.get_tensor(self._output)[0]
        return answer


def read(model: PatchReader, patch: npt.NDArray[np.int8], temperature: float) -> tuple[str, float]:
    """Text and score as a unit reports them."""
    return as_text(read_patch(patch, lambda one: softmax(model.logits(one), temperature)))


def as_text(reading: Reading) -> tuple[str, float]:
    """Text and score of a reading; what is no plate's length is an empty text with score 0."""
    if not MIN_CHARACTERS <= len(reading.columns) <= MAX_CHARACTERS:
        return "", 0.0
    return "".join(ALPHABET[1 + int(column)] for column in reading.columns), reading.score
