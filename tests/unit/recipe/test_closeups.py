"""Windows for the second look hold their plate where the labels say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.recipe.detector.closeups import (
    CLOSE_HEIGHT_PX,
    CLOSE_WIDTH_PX,
    leaning,
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


@pytest.mark.parametrize(("roll_deg", "shear_deg"), [(-25.0, 0.0), (0.0, 20.0), (0.0, 0.0), (25.0, -20.0)])
def test_a_leaning_plate_lies_where_its_corners_say(roll_deg: float, shear_deg: float) -> None:
    frame = as_frame(white_plate(HEIGHT_PX, WIDTH_PX, (180, 140, 260, 162)))
    leant, plate = leaning(frame, 0, roll_deg, shear_deg)
    faces = np.zeros_like(leant.pixels)
    cv2.fillConvexPoly(faces, np.round((leant.quads[plate] - 0.5) * 256).astype(int), (255,), shift=8)
    shared = ((faces > 127) & (leant.pixels > 127)).sum() / ((faces > 127) | (leant.pixels > 127)).sum()
    assert shared > 0.9
    assert leant.quads[plate].mean(axis=0) == pytest.approx([220, 151], abs=0.01)


def test_a_plate_is_turned_clockwise_and_slants_to_the_left() -> None:
    frame = as_frame(white_plate(HEIGHT_PX, WIDTH_PX, (180, 140, 260, 162)))
    (turned, _), (slanting, _) = leaning(frame, 0, 10.0, 0.0), leaning(frame, 0, 0.0, 10.0)
    top_left, top_right, _, bottom_left = turned.quads[0]
    assert top_right[1] - top_left[1] == pytest.approx(80 * np.sin(np.radians(10)), abs=0.01)
    top_left, top_right, _, bottom_left = slanting.quads[0]
    assert top_right[1] == top_left[1]
    assert bottom_left[0] - top_left[0] == pytest.approx(22 * np.tan(np.radians(10)), abs=0.01)


def test_a_plate_of_unknown_corners_is_ignored_once_its_neighbour_leans() -> None:
    known = white_plate(HEIGHT_PX, WIDTH_PX, (180, 140, 260, 162))
    unknown = np.array([[20, 20, 60, 30]], np.float32)
    frame = LabelledFrame(
        known.pixels,
        np.concatenate([unknown, known.boxes]),
        np.concatenate([np.full((1, 4, 2), np.nan, np.float32), known.quads]),
        NOTHING,
        True,
    )
    leant, plate = leaning(frame, 1, 0.0, 0.0)
    assert plate == 0
    assert leant.boxes == pytest.approx(known.boxes)
    assert leant.ignored == pytest.approx(unknown)


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
