"""An unsure reading is made again, of the patch moved up and down; a sure one is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.vision.recogniser import HOPELESS_SCORE, MOVED_ROWS, UNSURE_SCORE, read_patch

PATCH = np.arange(40, dtype=np.int8).repeat(144).reshape(40, 144)


class Looker:
    """Answers look after look with the next certainty of the letter A, and keeps what it was shown."""

    def __init__(self, certainties: list[float]) -> None:
        self.certainties = certainties
        self.shown: list[NDArray[np.int8]] = []

    def __call__(self, picture: NDArray[np.int8]) -> NDArray[np.float32]:
        self.shown.append(picture)
        certainty = self.certainties[len(self.shown) - 1]
        return np.array([[0.0, certainty, 1 - certainty], [1.0, 0.0, 0.0]], np.float32)


def test_a_sure_reading_takes_one_look() -> None:
    look = Looker([UNSURE_SCORE + 0.01])
    assert read_patch(PATCH, look).columns.tolist() == [0]
    assert len(look.shown) == 1


def test_a_hopeless_one_takes_one_look() -> None:
    looks = [np.array([[0.01, 0.9 * HOPELESS_SCORE, 0.8 * HOPELESS_SCORE]], np.float32)]
    assert read_patch(PATCH, lambda _: looks.pop()).score < HOPELESS_SCORE


def test_an_unsure_one_takes_three_and_they_decide_together() -> None:
    look = Looker([0.45, 0.8, 0.8])
    reading = read_patch(PATCH, look)
    assert reading.columns.tolist() == [0]
    assert reading.score == pytest.approx(0.70, abs=0.02)
    lower, higher = look.shown[1:]
    assert (lower[MOVED_ROWS:] == PATCH[:-MOVED_ROWS]).all()
    assert (lower[:MOVED_ROWS] == PATCH[0]).all()
    assert (higher[:-MOVED_ROWS] == PATCH[MOVED_ROWS:]).all()
    assert (higher[-MOVED_ROWS:] == PATCH[-1]).all()
