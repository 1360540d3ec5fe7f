"""Figures for a set of readings: exact, folded, characters, confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anpr_edge.plates.syntax import fold

CALIBRATION_BINS: Final = 10


@dataclass(frozen=True)
class Reading:
    """What was read and what is there."""

    name: str
    truth: str
    text: str
    score: float

    @property
    def right(self) -> bool:
        """Equal after folding O/0/Q and I/1."""
        return fold(self.text) == fold(self.truth)


def summarise(readings: Sequence[Reading]) -> dict[str, float]:
    """Count, share exact, share exact after folding with its 95 % interval, character error rate."""
    right = sum(reading.right for reading in readings)
    low, high = wilson(right, len(readings))
    errors = sum(edit_distance(fold(reading.text), fold(reading.truth)) for reading in readings)
    return {
        "count": len(readings),
        "exact": round(sum(reading.text == reading.truth for reading in readings) / len(readings), 4),
        "folded": round(right / len(readings), 4),
        "folded_low": round(low, 4),
        "folded_high": round(high, 4),
        "character_error_rate": round(errors / sum(len(reading.truth) for reading in readings), 4),
    }


def expected_calibration_error(readings: Sequence[Reading]) -> float:
    """Mean distance between score and share right over ten bins of equal width, weighted by their counts."""
    scores = np.array([reading.score for reading in readings])
    right = np.array([reading.right for reading in readings])
    return float(np.abs(in_bins(scores, scores - right).sum(axis=0)).sum() / len(readings))


def in_bins(scores: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each reading's value in the column of its score's bin, float64 (readings, bins), zero elsewhere."""
    bins = np.minimum((scores * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    binned = np.zeros((len(scores), CALIBRATION_BINS))
    binned[np.arange(len(bins)), bins] = values
    return binned


def precision_at(readings: Sequence[Reading], kept: float) -> tuple[float, float]:
    """(threshold, share right) when the surest ``kept`` share of the readings is reported."""
    surest = sorted(readings, key=lambda reading: -reading.score)[: max(1, round(kept * len(readings)))]
    return surest[-1].score, sum(reading.right for reading in surest) / len(surest)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share. Source: Wilson, J. Am. Stat. Assoc. 22 (1927)."""
    z = 1.96
    share, spread = hits / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def edit_distance(read: str, truth: str) -> int:
    """Insertions, deletions and replacements from one text to the other (Levenshtein)."""
    row = list(range(len(truth) + 1))
    for i, char in enumerate(read, 1):
        previous, row[0] = row[0], i
        for j, wanted in enumerate(truth, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (char != wanted))
    return row[-1]
