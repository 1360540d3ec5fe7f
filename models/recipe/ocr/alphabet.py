"""What the recogniser can say, and how its slots become a text."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

ALPHABET: Final = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Classes in the order of the model's outputs; index 0 is the CTC blank."""
SLOTS: Final = 72
"""Output positions: 36 for the upper half of the patch, then 36 for the lower."""


def encode(text: str) -> npt.NDArray[np.int64]:
    """The text as class numbers.

    Raises: ValueError for a character the recogniser does not know.
    """
    return np.array([ALPHABET.index(char, 1) for char in text], np.int64)


def greedy(logits: npt.NDArray[np.float32]) -> tuple[str, float]:
    """Best class of every slot, repeats merged, blanks dropped: the text and its least sure probability.

    ``logits`` is ``float32 (72, 37)``. An empty text has the probability that every slot is blank.
    """
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = shifted / shifted.sum(axis=1, keepdims=True)
    best = shares.argmax(axis=1)
    text = ""
    sure: list[float] = []
    for slot, label in enumerate(best):
        if label == 0:
            continue
        if slot and label == best[slot - 1]:
            sure[-1] = max(sure[-1], float(shares[slot, label]))
            continue
        text += ALPHABET[label]
        sure.append(float(shares[slot, label]))
    return text, min(sure) if sure else float(shares[:, 0].min())
