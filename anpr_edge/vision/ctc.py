"""From the recogniser's slots to a text: greedy CTC with a probability for every character.

Each slot is a softmax over blank and alphabet. A run of slots with the same best character is that
character once; blanks separate runs. The upper row of a two-row plate fills the first half of the
slots and the lower row the second, so both collapse in reading order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLANK = 0
_LEAST = np.float32(1e-6)
"""No single look can rule a character out."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The best text's characters as columns of the alphabet without blank.

    `rows` float32 (characters, alphabet): each sums to 1. `score` is the probability that the whole
    text is right.
    """

    columns: NDArray[np.intp]
    rows: Floats
    score: float


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities float32 (slots, classes); `temperature` above 1 makes them more modest.

    Here as in all that follows, float64 within and float32 without: processors differ in the last bits of an
    exponential or a sum, and rounding takes these away.
    """
    scaled = logits.astype(np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), np.float32)


def agreed(looks: Sequence[Floats]) -> Floats:
    """One look of several at the same slots, each float32 (slots, classes): their geometric mean."""
    return softmax(
        np.asarray(np.mean([np.log(np.maximum(look, _LEAST).astype(np.float64)) for look in looks], axis=0))
    )


def greedy(probabilities: Floats) -> Reading:
    """The text of float32 (slots, classes) probabilities, class 0 being blank.

    Score: for every character the probability of its surest slot, times, for every other slot, the
    probability that nothing but blank or the characters beside it stood there. This counts nearly all
    alignments of the text and costs a fraction of the exact sum over them.
    """
    slots = _surest_slots(probabilities.argmax(axis=1).tolist(), probabilities.max(axis=1).tolist())
    peaks = np.array(slots, np.intp)
    classes = probabilities[peaks].argmax(axis=1)
    rows = probabilities[peaks, 1:]
    rows = np.asarray(rows / rows.sum(axis=1, keepdims=True, dtype=np.float64), np.float32)
    surely = probabilities[peaks, classes].prod(dtype=np.float64)
    score = np.float32(surely * _nothing_else(probabilities, peaks, classes))
    return Reading(classes - 1, rows, float(score))


def _surest_slots(best: Sequence[int], sure: Sequence[float]) -> list[int]:
    """For each character the slot of its run in which it is most probable."""
    found: list[int] = []
    before = BLANK
    for slot, character in enumerate(best):
        if character not in (BLANK, before):
            found.append(slot)
        elif character != BLANK and sure[slot] > sure[found[-1]]:
            found[-1] = slot
        before = character
    return found


def _nothing_else(probabilities: Floats, peaks: NDArray[np.intp], classes: NDArray[np.intp]) -> float:
    """The probability that no further character stood in the slots between the peaks."""
    slots = np.arange(len(probabilities))
    padded = np.concatenate(([BLANK], classes, [BLANK]))
    gap = np.searchsorted(peaks, slots, side="right")
    before, after = padded[gap], padded[np.minimum(gap + 1, len(padded) - 1)]
    allowed = probabilities[:, BLANK] + np.where(before != BLANK, probabilities[slots, before], 0)
    allowed = allowed + np.where((after != BLANK) & (after != before), probabilities[slots, after], 0)
    allowed[peaks] = 1
    return float(np.minimum(allowed, 1).prod(dtype=np.float64))
