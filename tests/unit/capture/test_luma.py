"""Whatever OpenCV hands over becomes 8-bit grey, or is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.capture.luma import to_luma


@pytest.mark.parametrize(
    ("picture", "grey"),
    [
        (np.full((4, 6), 77, np.uint8), 77),
        (np.full((4, 6, 1), 77, np.uint8), 77),
        (np.full((4, 6, 3), (0, 0, 255), np.uint8), 76),
        (np.full((4, 6, 3), (0, 255, 0), np.uint8), 150),
        (np.full((4, 6, 4), (255, 0, 0, 9), np.uint8), 29),
        (np.full((4, 6, 2), (77, 128), np.uint8), 77),
    ],
)
def test_each_layout_becomes_luma(picture: NDArray[np.uint8], grey: int) -> None:
    luma = to_luma(picture)

    assert luma.shape == (4, 6)
    assert luma.dtype == np.uint8
    assert luma.flags["C_CONTIGUOUS"]
    assert np.all(luma == grey)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_the_highest_eight_bits_of_any_depth_are_kept(bits: int) -> None:
    picture = np.array([[0, 2 ** (bits - 1)], [2**bits - 1, 2 ** (bits - 8)]], np.uint16)

    assert to_luma(picture).tolist() == [[0, 128], [255, 1]]


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 6), np.float32),
        np.zeros((4, 6, 5), np.uint8),
        np.zeros((0, 6), np.uint8),
        np.zeros(6, np.uint8),
    ],
)
def test_anything_else_is_refused(picture: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="picture"):
        to_luma(picture)
