"""The second look: where it looks, what it makes of a find, and what it does not touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anpr_edge.records import Box, Detection, Quad
from anpr_edge.vision.closeup import PLATE_SHARE, UNSEEN_SCORE, CloseUp, upright, window_around

PICTURE = np.zeros((720, 1280), np.uint8)
BOX = Box(600, 300, 680, 320)


def found(box: Box, score: float) -> Detection:
    return Detection(box, Quad.of_box(box), score)


@dataclass
class Finds:
    """A detector that finds what it is told to, and remembers what it was shown."""

    detections: list[Detection]
    model_id: str = "finds-1+00000000"
    shown: list[tuple[int, ...]] = field(default_factory=list)

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        self.shown.append(pixels.shape)
        return self.detections


def in_window(box: Box) -> Box:
    """A box of the picture as the window around `BOX` has it."""
    left, top, _, _ = window_around(BOX, 1280, 720)
    return Box(box.x0 - left, box.y0 - top, box.x1 - left, box.y1 - top)


def test_the_second_look_places_the_plate_and_both_decide() -> None:
    finer = Box(602, 301, 678, 318)
    (only,) = CloseUp(Finds([found(BOX, 0.4)]), Finds([found(in_window(finer), 0.9)]), 0.3).detect(PICTURE)
    assert only.box == finer
    assert only.quad == Quad.of_box(finer)
    assert only.score == pytest.approx(0.6)


def test_what_a_second_look_does_not_find_hardly_counts() -> None:
    (only,) = CloseUp(Finds([found(BOX, 0.9)]), Finds([]), 0.01).detect(PICTURE)
    assert only.box == BOX
    assert only.score == pytest.approx((0.9 * UNSEEN_SCORE) ** 0.5)
    assert CloseUp(Finds([found(BOX, 0.9)]), Finds([]), 0.3).detect(PICTURE) == []


def test_another_plate_in_the_window_is_not_mistaken_for_this_one() -> None:
    beside = in_window(Box(700, 300, 780, 320))
    assert CloseUp(Finds([found(BOX, 0.9)]), Finds([found(beside, 0.9)]), 0.3).detect(PICTURE) == []


def test_two_finds_that_prove_to_be_one_plate_are_one() -> None:
    first = Finds([found(BOX, 0.8), found(BOX, 0.7)])
    assert len(CloseUp(first, Finds([found(in_window(BOX), 0.9)]), 0.3).detect(PICTURE)) == 1


def test_a_large_and_sure_find_needs_no_second_look() -> None:
    large = found(Box(400, 300, 600, 350), 0.8)
    second = Finds([])
    assert CloseUp(Finds([large]), second, 0.3).detect(PICTURE) == [large]
    assert second.shown == []


def test_what_is_known_already_needs_no_second_look() -> None:
    stranger = found(Box(100, 300, 180, 320), 0.8)
    second = Finds([])
    twice = CloseUp(Finds([found(BOX, 0.8), stranger]), second, 0.3)
    nearby = Box(BOX.x0 + 5, BOX.y0 + 2, BOX.x1 + 5, BOX.y1 + 2)
    assert twice.detect(PICTURE, known=[nearby]) == [found(BOX, 0.8)]
    assert len(second.shown) == 1


def test_what_is_known_already_stays_however_weak_its_first_look() -> None:
    twice = CloseUp(Finds([found(BOX, 0.47)]), Finds([found(in_window(BOX), 0.95)]), 0.52)
    assert twice.detect(PICTURE, known=[BOX]) == [found(BOX, 0.47)]
    (stranger,) = twice.detect(PICTURE)
    assert stranger.score == pytest.approx((0.47 * 0.95) ** 0.5)


def test_nothing_found_costs_no_second_look() -> None:
    second = Finds([])
    assert CloseUp(Finds([]), second, 0.3).detect(PICTURE) == []
    assert second.shown == []


LEANING = Detection(
    Box(395, 195, 485, 245), Quad((400.0, 200.0), (480.0, 220.0), (474.0, 243.0), (394.0, 223.0)), 0.9
)


@dataclass
class Upright(Finds):
    """Finds a plate in the middle of every window, `wide` times as large as it is, and keeps the window."""

    wide: float = 1.0
    windows: list[NDArray[np.uint8]] = field(default_factory=list)

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        self.windows.append(pixels)
        rows, cols = np.nonzero(pixels > 127)
        x, y = (cols.min() + cols.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
        half_width = self.wide * (cols.max() + 1 - cols.min()) / 2
        half_height = self.wide * (rows.max() + 1 - rows.min()) / 2
        return [found(Box(x - half_width, y - half_height, x + half_width, y + half_height), 0.7)]


def white(quad: Quad) -> NDArray[np.uint8]:
    picture = np.zeros((720, 1280), np.uint8)
    corners = np.round((np.array(quad.points) - 0.5) * 256).astype(int)
    return np.asarray(cv2.fillConvexPoly(picture, corners, (255,), shift=8), np.uint8)


@pytest.mark.parametrize("wide", [1.0, 1.1])
def test_a_leaning_plate_is_looked_at_upright_and_its_corners_brought_back(wide: float) -> None:
    second = Upright([], wide=wide)
    plate = upright(second, white(LEANING.quad), LEANING)
    assert (plate.box, plate.score) == (LEANING.box, LEANING.score)
    middle = np.array(LEANING.quad.centre)
    wanted = middle + wide * (np.array(LEANING.quad.points) - middle)
    assert np.array(plate.quad.points) == pytest.approx(wanted, abs=2)
    (window,) = second.windows
    rows, cols = np.nonzero(window > 127)
    filled = len(rows) / ((np.ptp(rows) + 1) * (np.ptp(cols) + 1))
    assert filled > 0.93, "the plate stands upright in the window"
    assert (np.ptp(cols) + 1) / window.shape[1] == pytest.approx(PLATE_SHARE, abs=0.02)


def test_a_level_plate_is_not_looked_at_again() -> None:
    second = Finds([])
    assert upright(second, PICTURE, found(BOX, 0.9)) == found(BOX, 0.9)
    assert second.shown == []


def test_a_leaning_plate_that_is_not_found_upright_stays_as_it_is() -> None:
    second = Finds([found(Box(0, 0, 10, 5), 0.9)])
    assert upright(second, PICTURE, LEANING) == LEANING
    assert len(second.shown) == 1


@pytest.mark.parametrize("corner", [(0.0, 0.0), (400.0, 200.0)])
def test_a_quad_without_an_area_is_left_alone(corner: tuple[float, float]) -> None:
    flat = Detection(BOX, Quad((400.0, 200.0), corner, corner, (400.0, 200.0)), 0.9)
    assert upright(Finds([]), PICTURE, flat) == flat


def test_the_second_look_at_a_leaning_plate_is_followed_by_one_at_it_upright() -> None:
    left, top, right, bottom = window_around(LEANING.box, 1280, 720)
    corners = [(x - left, y - top) for x, y in LEANING.quad.points]
    second = Finds([Detection(Quad(*corners).box, Quad(*corners), 0.9)])
    twice = CloseUp(Finds([LEANING]), second, 0.3)
    assert len(twice.detect(PICTURE)) == 1
    assert second.shown[0] == (bottom - top, right - left)
    assert len(second.shown) == 2
    assert twice.detect(PICTURE, known=[LEANING.box]) == [LEANING]
    assert len(second.shown) == 2


@given(x=st.floats(0, 1280), y=st.floats(0, 720), width=st.floats(1, 1280), height=st.floats(1, 720))
def test_windows_lie_in_the_picture_and_hold_the_middle(
    x: float, y: float, width: float, height: float
) -> None:
    left, right = max(0.0, x - width / 2), min(1280.0, x + width / 2)
    top, bottom = max(0.0, y - height / 2), min(720.0, y + height / 2)
    box = Box(left, top, right, bottom)
    x0, y0, x1, y1 = window_around(box, 1280, 720)
    assert 0 <= x0 <= x1 <= 1280
    assert 0 <= y0 <= y1 <= 720
    assert x0 - 1 <= box.centre[0] <= x1 + 1
    assert y0 - 1 <= box.centre[1] <= y1 + 1


def test_it_names_both_models() -> None:
    second = Finds([], model_id="b-2+11111111")
    assert CloseUp(Finds([]), second, 0.3).model_id == "finds-1/b-2+00001111"
