"""A detector and a recogniser that follow a script instead of looking: the fake at both seams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Box, Detection, PlateCandidate, Quad

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class ScriptedRoad:
    """Knows, for each frame, which plate is where.

    `passages` gives for a plate's text its first frame and its boxes from then on, None when hidden.
    """

    model_id = "scripted-1+00000000"
    alphabet = ALPHABET

    def __init__(
        self, passages: Mapping[str, tuple[int, Sequence[Box | None]]], certainty: float = 0.97
    ) -> None:
        self.passages = passages
        self.certainty = certainty
        self.frame = 0
        self.searched: list[int] = []
        self.looks = 0
        self.known: Sequence[Box] = ()

    def shown(self) -> dict[str, Box]:
        """What is in view in the current frame."""
        return {
            text: box
            for text, (first, boxes) in self.passages.items()
            if 0 <= self.frame - first < len(boxes) and (box := boxes[self.frame - first])
        }

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        """The plates the script has in the current frame."""
        self.searched.append(self.frame)
        self.known = known
        return [Detection(box, Quad.of_box(box), 0.9) for box in self.shown().values()]

    def recognise(self, pixels: NDArray[np.uint8], quad: Quad) -> PlateCandidate | None:
        """The scripted text at `quad`, every character with the same certainty."""
        self.looks += 1
        text = next((text for text, box in self.shown().items() if Quad.of_box(box) == quad), None)
        if text is None:
            return None
        rows = np.full((len(text), 36), (1 - self.certainty) / 35, np.float32)
        rows[np.arange(len(text)), [ALPHABET.index(character) for character in text]] = self.certainty
        return PlateCandidate(text, rows, self.certainty ** len(text), 0.6, quad.box.width)
