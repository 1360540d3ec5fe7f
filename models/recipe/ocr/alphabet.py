"""What the recogniser can say."""

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
