"""Pairs are the cheapest there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anpr_edge.vision.assignment import FORBIDDEN, assign


def cheapest(costs: NDArray[np.float64]) -> float:
    """The least total by trying every assignment."""
    wide = costs if costs.shape[0] <= costs.shape[1] else costs.T
    rows, columns = wide.shape
    return min(
        sum(float(wide[row, order[row]]) for row in range(rows))
        for order in itertools.permutations(range(columns), rows)
    )


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_no_assignment_is_cheaper(rows: int, columns: int, seed: int) -> None:
    costs = np.random.default_rng(seed).random((rows, columns))
    pairs = assign(costs)
    assert len(pairs) == min(rows, columns)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert sum(costs[pair] for pair in pairs) == pytest.approx(cheapest(costs))


def test_a_greedy_choice_is_not_enough() -> None:
    assert assign(np.array([[1.0, 2.0], [1.5, 9.0]])) == [(0, 1), (1, 0)]


def test_forbidden_pairs_are_not_made() -> None:
    assert assign(np.array([[FORBIDDEN, 0.2], [FORBIDDEN, 0.1]])) == [(1, 1)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_pairs_with_nothing(shape: tuple[int, int]) -> None:
    assert assign(np.zeros(shape)) == []
