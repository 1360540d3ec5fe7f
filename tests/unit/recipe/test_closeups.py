"""Windows for the second look hold their plate where the labels say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.recipe.detector.closeups import (
    CLOSE_HEIGHT_PX,
    CLOSE_WIDTH_PX,
    plain_close_ups,
    random_close_up,
)
from models.recipe.detector.frames import HEIGHT_PX, WIDTH_PX, LabelledFrame
from models.recipe.detector.pictures import Picture, boxes_of_quads

NOTHING = np.zeros((0, 4), np.float32)


def white_plate(height: int, width: int, face: tuple[int, int, int, int]) -> Picture:
    """A black picture with one white plate."""
    pixels = np.zeros((height, width), np.uint8)
    x0, y0, x1, y1 = face
    pixels[y0:y1, x0:x1] = 255
    quads = np.array([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]], np.float32)
    return Picture(pixels, boxes_of_quads(quads), quads, True, "drawn")


def as_frame(picture: Picture) -> LabelledFrame:
    return LabelledFrame(picture.pixels, picture.boxes, picture.quads, NOTHING, True)


def white_edges(window: LabelledFrame) -> list[int]:
    rows, cols = np.nonzero(window.pixels > 127)
    return [int(cols.min()), int(rows.min()), int(cols.max()) + 1, int(rows.max()) + 1]


@given(seed=st.integers(0, 2**32), left=st.integers(0, 330), top=st.integers(0, 260))
def test_labels_move_with_the_window(seed: int, left: int, top: int) -> None:
    frame = as_frame(white_plate(HEIGHT_PX, WIDTH_PX, (left, top, left + 80, top + 22)))
    window = random_close_up(np.random.default_rng(seed), frame, NOTHING)
    assert window is not None
    assert window.pixels.shape == (CLOSE_HEIGHT_PX, CLOSE_WIDTH_PX)
    for quad in window.quads:
        edges = np.concatenate([quad.min(axis=0), quad.max(axis=0)])
        size = [CLOSE_WIDTH_PX, CLOSE_HEIGHT_PX] * 2
        blunt_px = 0 if quad[0][0] == quad[3][0] else 4
        assert white_edges(window) == pytest.approx(np.clip(edges, 0, size).tolist(), abs=blunt_px)


@given(seed=st.integers(0, 2**32))
def test_a_window_shows_the_plate_whose_corners_are_known_when_its_neighbour_s_are_not(seed: int) -> None:
    plate = white_plate(HEIGHT_PX, WIDTH_PX, (180, 140, 260, 162))
    boxes = np.concatenate([np.array([[20, 20, 60, 30]], np.float32), plate.boxes])
    quads = np.concatenate([np.full((1, 4, 2), np.nan, np.float32), plate.quads])
    frame = LabelledFrame(plate.pixels, boxes, quads, NOTHING, True)
    window = random_close_up(np.random.default_rng(seed), frame, NOTHING)
    assert window is not None
    for quad in window.quads:
        if not np.isnan(quad).any():
            middle_x, middle_y = quad.mean(axis=0).astype(int)
            assert window.pixels[middle_y, middle_x] == 255


@given(seed=st.integers(0, 2**32))
def test_a_plate_shown_in_part_is_neither_asked_for_nor_forbidden(seed: int) -> None:
    frame = as_frame(white_plate(HEIGHT_PX, WIDTH_PX, (150, 120, 230, 142)))
    find = np.array([[260, 125, 330, 140]], np.float32)
    window = random_close_up(np.random.default_rng(seed), frame, find)
    assert window is not None
    if not window.pixels.any():
        return
    left, top, right, bottom = white_edges(window)
    assert len(window.boxes) + len(window.ignored) == 1
    if (right - left) * (bottom - top) < 0.55 * 80 * 22:
        assert len(window.ignored) == 1


def test_plates_too_large_for_a_window_give_none() -> None:
    frame = as_frame(white_plate(HEIGHT_PX, WIDTH_PX, (50, 50, 350, 130)))
    windows = [random_close_up(np.random.default_rng(seed), frame, NOTHING) for seed in range(20)]
    assert any(window is None for window in windows)


@pytest.mark.parametrize("face", [(600, 300, 680, 320), (2, 2, 202, 52), (1000, 600, 1270, 700)])
def test_a_plain_second_look_holds_the_plate_in_place(face: tuple[int, int, int, int]) -> None:
    (window,) = plain_close_ups(white_plate(720, 1280, face))
    assert white_edges(window) == pytest.approx([*window.quads[0][0], *window.quads[0][2]], abs=1.0)
    assert window.boxes[0][2] - window.boxes[0][0] < 0.72 * CLOSE_WIDTH_PX


def test_no_second_look_without_corners() -> None:
    picture = white_plate(720, 1280, (600, 300, 680, 320))
    unknown = Picture(picture.pixels, picture.boxes, np.full_like(picture.quads, np.nan), True, "drawn")
    assert list(plain_close_ups(unknown)) == []
