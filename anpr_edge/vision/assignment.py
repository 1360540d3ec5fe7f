"""The cheapest way to pair rows with columns: the assignment problem, for the few plates of a frame.

Source: R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
assignment problems", Computing 38 (1987).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FORBIDDEN = 1e6
"""The cost of a pair that must not be made."""


def assign(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (row, column) of least total cost in float64 (rows, columns), without forbidden ones."""
    rows, columns = costs.shape
    if rows == 0 or columns == 0:
        return []
    if rows > columns:
        return [(row, column) for column, row in assign(costs.T)]
    owner = np.full(columns, -1)
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    for row in range(rows):
        _augment(costs, row, owner, row_price, column_price)
    pairs = sorted((int(row), column) for column, row in enumerate(owner) if row >= 0)
    return [(row, column) for row, column in pairs if costs[row, column] < FORBIDDEN]


def _augment(
    costs: NDArray[np.float64],
    start: int,
    owner: NDArray[np.int_],
    row_price: NDArray[np.float64],
    column_price: NDArray[np.float64],
) -> None:
    """Give row `start` a column along the shortest path of exchanges."""
    columns = costs.shape[1]
    distance, came_from = np.full(columns, np.inf), np.full(columns, -1)
    settled = np.zeros(columns, bool)
    row, column, reached = start, -1, 0.0
    while row >= 0:
        through = reached + costs[row] - row_price[row] - column_price
        shorter = ~settled & (through < distance)
        distance[shorter], came_from[shorter] = through[shorter], column
        column = int(np.where(settled, np.inf, distance).argmin())
        reached, row = float(distance[column]), int(owner[column])
        settled[column] = True
    gained = np.where(settled, reached - distance, 0.0)
    row_price[start] += reached
    owned = settled & (owner >= 0)
    row_price[owner[owned]] += gained[owned]
    column_price -= gained
    while column >= 0:
        before = int(came_from[column])
        owner[column] = start if before < 0 else owner[before]
        column = before
