"""Figures and intervals against published values and sets made for a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.benchmarks.metrics import (
    Figure,
    calibration_error,
    calibration_error_by_chance,
    percentiles,
    rate,
    ratio_of_sums,
    share,
    surest,
)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_a_share_has_wilsons_interval(hits: int, count: int, low: float, high: float) -> None:
    """Source: Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    figure = share(hits, count)
    assert figure is not None
    assert (figure.value, figure.of) == (hits / count, count)
    assert figure.low == pytest.approx(low, abs=6e-5)
    assert figure.high == pytest.approx(high, abs=6e-5)


def test_a_rate_has_the_poisson_score_interval() -> None:
    """Ten events: (10 + z²/2 ± z √(10 + z²/4)), worked by hand to 5.43 and 18.41."""
    figure = rate(10, 100)
    assert figure is not None
    assert figure.low == pytest.approx(0.0543, abs=1e-4)
    assert figure.high == pytest.approx(0.1841, abs=1e-4)
    none = rate(0, 50)
    assert none is not None
    assert none.value == 0
    assert none.low == pytest.approx(0, abs=1e-12)
    assert none.high == pytest.approx(3.84 / 50, abs=1e-3)


def test_a_ratio_weighs_by_the_wholes() -> None:
    figure = ratio_of_sums(np.array([1, 0, 0]), np.array([2, 8, 10]))
    assert figure is not None
    assert (figure.value, figure.of) == (0.05, 3)
    assert figure.low == 0
    assert figure.low < figure.value < figure.high <= 0.5


def test_an_even_ratio_has_no_spread() -> None:
    assert ratio_of_sums(np.array([1, 1]), np.array([4, 4])) == Figure(0.25, 0.25, 0.25, 2)


def test_confidence_that_means_what_it_says_has_no_error() -> None:
    confidences = np.array([0.75] * 4 + [1.0] * 6)
    right = np.array([True] * 3 + [False] + [True] * 6)
    figure = calibration_error(confidences, right)
    assert figure is not None
    assert figure.value == pytest.approx(0)


def test_errors_in_two_bins_are_weighted_and_do_not_cancel() -> None:
    """Bin 0.8: 5 reads, all right, off by 0.15; bin 0.3: 5 reads, none right, off by 0.35."""
    confidences = np.array([0.85] * 5 + [0.35] * 5)
    figure = calibration_error(confidences, np.array([True] * 5 + [False] * 5))
    assert figure is not None
    assert figure.value == pytest.approx(0.25)
    assert 0.15 <= figure.low <= figure.value <= figure.high <= 0.35


def test_full_confidence_falls_in_the_last_bin() -> None:
    figure = calibration_error(np.array([1.0]), np.array([False]))
    assert figure is not None
    assert figure.value == 1.0


def test_two_even_chances_are_off_by_half_as_often_as_not() -> None:
    """Both right or both wrong, half of the time, is off by 0.5; one of each by nothing."""
    figure = calibration_error_by_chance(np.array([0.5, 0.5]))
    assert figure is not None
    assert figure.value == pytest.approx(0.25, abs=0.03)
    assert (figure.low, figure.high, figure.of) == (0, 0.5, 2)


def test_certainty_leaves_nothing_to_chance() -> None:
    assert calibration_error_by_chance(np.array([1.0, 0.0])) == Figure(0, 0, 0, 2)


def test_chance_counts_for_less_with_more_reads_and_holds_most_honest_samples() -> None:
    rng = np.random.default_rng(7)
    few, many = (rng.beta(4, 1, count) for count in (40, 4000))
    small, large = calibration_error_by_chance(few), calibration_error_by_chance(many)
    assert small is not None
    assert large is not None
    assert large.value < small.value / 5
    samples = [calibration_error(few, rng.random(40) < few) for _ in range(40)]
    inside = [small.low <= sample.value <= small.high for sample in samples if sample]
    assert sum(inside) >= 34


def test_the_surest_leave_the_least_sure_out() -> None:
    confidences = np.linspace(0.1, 1.0, 10)
    right = np.array([False] + [True] * 9)
    figure, floor = surest(confidences, right, 0.9)
    assert figure is not None
    assert (figure.value, figure.of) == (1.0, 9)
    assert floor == pytest.approx(0.2)
    everything, _ = surest(confidences, right, 1.0)
    assert everything is not None
    assert everything.value == 0.9


def test_of_nothing_there_is_no_figure() -> None:
    nothing, no_flags = np.array([], float), np.array([], bool)
    assert share(0, 0) is None
    assert rate(0, 0) is None
    assert ratio_of_sums(nothing, nothing) is None
    assert calibration_error(nothing, no_flags) is None
    assert calibration_error_by_chance(nothing) is None
    assert surest(nothing, no_flags, 0.9) == (None, None)
    assert percentiles([]) is None


def test_percentiles_interpolate() -> None:
    assert percentiles([float(ms) for ms in range(101)]) == {"p50": 50.0, "p95": 95.0}
