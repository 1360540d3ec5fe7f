"""Figures of accuracy with their 95 % intervals, from plain counts and arrays.

Shares have Wilson's interval and rates per picture the score interval for a Poisson count. Ratios of sums
and the calibration error have no simple formula: theirs is the bootstrap's, resampled with a fixed seed, so
that the same reads always give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.recipe.ocr.measures import in_bins, wilson

Z_95: Final = 1.96
"""Two-sided 95 % point of the normal distribution."""
RESAMPLES: Final = 1000
"""Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), §13.3: 1000 for percentiles."""
_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, its 95 % interval, and how many things it was measured on."""

    value: float
    low: float
    high: float
    of: int

    def as_json(self) -> dict[str, Any]:
        """The object documented in docs/accuracy.md."""
        return {
            "value": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "of": self.of,
        }


def share(hits: int, count: int) -> Figure | None:
    """`hits` of `count`; None of none. Source of the interval: Wilson, J. Am. Stat. Assoc. 22 (1927)."""
    return Figure(hits / count, *wilson(hits, count), count) if count else None


def rate(events: int, count: int) -> Figure | None:
    """Events for each of `count` chances, any number of them at one chance; None of none.

    Source of the interval: the score interval of a Poisson mean, Barker, The American Statistician 56
    (2002), method of "scores".
    """
    if not count:
        return None
    middle = events + Z_95**2 / 2
    half = Z_95 * math.sqrt(events + Z_95**2 / 4)
    return Figure(events / count, max(0.0, middle - half) / count, (middle + half) / count, count)


def ratio_of_sums(parts: NDArray[Any], wholes: NDArray[Any]) -> Figure | None:
    """Sum of `parts` over sum of `wholes`, such as wrong characters over characters; None of none."""
    if not len(wholes):
        return None

    def ratio(index: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(parts[index].sum(axis=-1) / wholes[index].sum(axis=-1), np.float64)

    return _bootstrapped(ratio, len(wholes))


def calibration_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> Figure | None:
    """How far confidence and share right are apart, over ten bins of equal width; None without reads.

    Source: expected calibration error, Guo et al., On Calibration of Modern Neural Networks (2017), §2.
    """
    if not len(confidences):
        return None
    gaps = in_bins(confidences, confidences - right)

    def error(index: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(np.abs(gaps[index].sum(axis=-2)).sum(axis=-1) / index.shape[-1], np.float64)

    return _bootstrapped(error, len(confidences))


def calibration_error_by_chance(confidences: NDArray[np.float64]) -> Figure | None:
    """The calibration error that these confidences would show if every one were true; None without reads.

    The fewer the reads, the larger. Mean of draws in which each read is right as often as it says, and the
    interval that holds 95 % of them.
    Source: consistency resampling, Bröcker and Smith, Weather and Forecasting 22 (2007).
    """
    count = len(confidences)
    if not count:
        return None
    rng = np.random.default_rng(_SEED)
    right = rng.random((RESAMPLES, count)) < confidences
    bins = in_bins(confidences, np.ones(count))
    errors = np.abs((confidences - right) @ bins).sum(axis=1) / count
    low, high = np.percentile(errors, (2.5, 97.5))
    return Figure(float(errors.mean()), float(low), float(high), count)


def surest(
    confidences: NDArray[np.float64], right: NDArray[np.bool_], kept: float
) -> tuple[Figure | None, float | None]:
    """The share right among the surest `kept` (0 to 1) of the reads, and the least confidence among them."""
    if not len(confidences):
        return None, None
    order = np.argsort(-confidences, kind="stable")[: max(1, round(kept * len(confidences)))]
    return share(int(right[order].sum()), len(order)), float(confidences[order[-1]])


def percentiles(values: list[float]) -> dict[str, float] | None:
    """Median and 95th percentile; None of none."""
    if not values:
        return None
    return {f"p{percent}": round(float(np.percentile(values, percent)), 3) for percent in (50, 95)}


def _bootstrapped(statistic: Callable[[NDArray[np.intp]], NDArray[np.float64]], count: int) -> Figure:
    """A statistic of `count` things, given by index, with the percentile interval of its resamples."""
    rng = np.random.default_rng(_SEED)
    resampled = [statistic(rng.integers(count, size=count)) for _ in range(RESAMPLES)]
    low, high = np.percentile(resampled, (2.5, 97.5))
    return Figure(float(statistic(np.arange(count))), float(low), float(high), count)
