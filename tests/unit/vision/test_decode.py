"""The detector's maps become boxes and corners exactly as the model contract says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.vision.decode import MAX_PEAKS, Decoded, decode, suppress

ROWS, COLS = 36, 52
COLD = -8.0


class Maps:
    """Detector outputs of an empty picture, to put plates into."""

    def __init__(self) -> None:
        self.heat = np.full((ROWS, COLS, 1), COLD, np.float32)
        self.offset = np.zeros((ROWS, COLS, 2), np.float32)
        self.size = np.zeros((ROWS, COLS, 2), np.float32)
        self.corners = np.zeros((ROWS, COLS, 8), np.float32)

    def vote(
        self, cell: tuple[int, int], centre: tuple[float, float], size: tuple[float, float], logit: float
    ) -> None:
        """Let one (row, col) cell claim a plate with `centre` and `size` in input px."""
        row, col = cell
        self.heat[row, col] = logit
        self.offset[row, col] = centre[0] / 8 - col - 0.5, centre[1] / 8 - row - 0.5
        self.size[row, col] = np.log(size[0] / 8), np.log(size[1] / 8)

    def decode(self, threshold: float = 0.5) -> Decoded:
        return decode(self.heat, self.offset, self.size, self.corners, threshold)


def box(found: Decoded, index: int = 0) -> NDArray[np.float32]:
    return np.asarray(found.boxes[index], np.float32)


def test_an_empty_picture_has_no_plates() -> None:
    found = Maps().decode()
    assert found.scores.shape == (0,)
    assert found.boxes.shape == (0, 4)
    assert found.quads.shape == (0, 4, 2)


def test_one_cell_gives_the_box_it_claims() -> None:
    maps = Maps()
    maps.vote((10, 20), centre=(165.0, 83.0), size=(80.0, 20.0), logit=2.0)
    found = maps.decode()
    np.testing.assert_allclose(box(found), (125, 73, 205, 93), atol=1e-3)
    assert found.scores[0] == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_corners_are_shares_of_the_box_clockwise_from_top_left() -> None:
    maps = Maps()
    maps.vote((10, 20), centre=(160.0, 80.0), size=(80.0, 20.0), logit=2.0)
    maps.corners[10, 20] = (0.1, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0, -0.1)
    np.testing.assert_allclose(
        maps.decode().quads[0], [(128, 70), (200, 74), (200, 90), (120, 88)], atol=1e-3
    )


def test_neighbours_vote_by_their_own_score() -> None:
    maps = Maps()
    maps.vote((10, 20), centre=(160.0, 80.0), size=(80.0, 20.0), logit=np.log(0.8 / 0.2))
    maps.vote((10, 21), centre=(166.0, 80.0), size=(80.0, 20.0), logit=np.log(0.4 / 0.6))
    x0, _, x1, _ = box(maps.decode())
    assert (x0 + x1) / 2 == pytest.approx((0.8 * 160 + 0.4 * 166) / 1.2, abs=1e-3)


def test_a_neighbour_below_half_the_peak_has_no_vote() -> None:
    maps = Maps()
    maps.vote((10, 20), centre=(160.0, 80.0), size=(80.0, 20.0), logit=np.log(0.8 / 0.2))
    maps.vote((10, 21), centre=(300.0, 80.0), size=(80.0, 20.0), logit=np.log(0.39 / 0.61))
    x0, _, x1, _ = box(maps.decode())
    assert (x0 + x1) / 2 == pytest.approx(160, abs=1e-3)


def test_equal_peaks_side_by_side_are_one_plate() -> None:
    maps = Maps()
    for col in (20, 21):
        maps.vote((10, col), centre=(168.0, 84.0), size=(80.0, 20.0), logit=3.0)
    assert len(maps.decode().scores) == 1


def test_plates_come_best_first() -> None:
    maps = Maps()
    maps.vote((5, 5), centre=(44.0, 44.0), size=(40.0, 10.0), logit=1.0)
    maps.vote((20, 40), centre=(324.0, 164.0), size=(40.0, 10.0), logit=4.0)
    found = maps.decode()
    assert found.scores[0] > found.scores[1]
    np.testing.assert_allclose(box(found), (304, 159, 344, 169), atol=1e-3)


@pytest.mark.parametrize("cell", [(0, 0), (0, COLS - 1), (ROWS - 1, 0), (ROWS - 1, COLS - 1)])
def test_a_plate_in_a_corner_of_the_picture_is_found(cell: tuple[int, int]) -> None:
    maps = Maps()
    maps.vote(cell, centre=(cell[1] * 8 + 4.0, cell[0] * 8 + 4.0), size=(16.0, 8.0), logit=3.0)
    np.testing.assert_allclose(
        box(maps.decode()),
        (cell[1] * 8 - 4, cell[0] * 8, cell[1] * 8 + 12, cell[0] * 8 + 8),
        atol=1e-3,
    )


def test_the_threshold_is_a_score() -> None:
    maps = Maps()
    maps.vote((10, 20), centre=(160.0, 80.0), size=(80.0, 20.0), logit=np.log(0.6 / 0.4))
    assert len(maps.decode(threshold=0.59).scores) == 1
    assert len(maps.decode(threshold=0.61).scores) == 0


def test_a_wild_map_stays_finite_and_bounded() -> None:
    maps = Maps()
    maps.heat[:] = 5.0
    maps.size[:] = 80.0
    found = maps.decode()
    assert 1 <= len(found.scores) <= MAX_PEAKS
    assert np.isfinite(found.boxes).all()


def test_suppression_keeps_the_better_of_two_that_overlap() -> None:
    boxes = np.array([(0, 0, 10, 10), (1, 0, 11, 10), (8, 0, 18, 10)], np.float32)
    assert suppress(boxes) == [0, 2]
