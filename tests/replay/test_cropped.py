"""Plates cut out of their picture, by the shipped models."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.plates.syntax import fold
from anpr_edge.records import Box, Quad
from anpr_edge.vision.closeup import WINDOW_ASPECT
from anpr_edge.vision.cropped import CROP_SHARE, CropReader, window_with
from tests import shipped_models
from tests.replay.clip import sight

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def crop_reader() -> CropReader:
    """With the recogniser and the second look."""
    return CropReader.load(shipped_models.DIRECTORY, shipped_models.recogniser())


def tilted(angle_deg: float) -> tuple[Picture, Quad]:
    """The plate's picture turned about the plate's middle, cut out loosely, and its corners there."""
    x, y = sight().quad.box.centre
    turn = cv2.getRotationMatrix2D((x, y), -angle_deg, 1.0)
    height, width = sight().pixels.shape
    turned = cv2.warpAffine(sight().pixels, turn, (width, height))
    corners = [tuple((turn @ (px, py, 1)).tolist()) for px, py in sight().quad.points]
    box = Quad(*corners).box
    left, top, right, bottom = round(box.x0) - 6, round(box.y0) - 4, round(box.x1) + 6, round(box.y1) + 4
    return np.asarray(turned[top:bottom, left:right], np.uint8), Quad(
        *((px - left, py - top) for px, py in corners)
    )


@pytest.mark.parametrize("angle_deg", [-12, -6, 0, 6, 12])
def test_corners_are_found_to_a_quarter_of_the_plates_height(
    crop_reader: CropReader, angle_deg: float
) -> None:
    crop, corners = tilted(angle_deg)
    found = crop_reader.corners_in(crop)
    assert found is not None
    off_px = [math.dist(ours, true) for ours, true in zip(found.points, corners.points, strict=True)]
    height_px = math.dist(corners.points[0], corners.points[3])
    assert max(off_px) < 0.25 * height_px


@pytest.mark.parametrize("angle_deg", [-25, 25])
def test_a_tilted_plate_is_read_by_its_corners_where_it_is_not_as_it_is(
    crop_reader: CropReader, angle_deg: float
) -> None:
    crop, _ = tilted(angle_deg)
    as_it_is, by_corners = crop_reader.looks(crop, crop_reader.corners_in(crop))
    assert fold(as_it_is.text) != fold(sight().text)
    assert fold(by_corners.text) == fold(sight().text)
    assert by_corners.score > 2 * as_it_is.score


def test_without_corners_it_looks_once(crop_reader: CropReader) -> None:
    (look,) = crop_reader.looks(sight().crop(), None)
    assert fold(look.text) == fold(sight().text)


def test_a_crop_without_a_plate_has_no_corners(crop_reader: CropReader) -> None:
    assert crop_reader.corners_in(np.full((40, 140), 90, np.uint8)) is None


@pytest.mark.parametrize("height_px", range(4, 22))
def test_a_crop_of_a_few_rows_is_looked_at_like_any_other(crop_reader: CropReader, height_px: int) -> None:
    small = cv2.resize(sight().crop(), (4 * height_px, height_px), interpolation=cv2.INTER_AREA)
    crop = np.asarray(small, np.uint8)
    quad = crop_reader.corners_in(crop)
    looks = crop_reader.looks(crop, quad or Quad.of_box(Box(0, 0, 4 * height_px, height_px)))
    assert all(look.plate_width_px <= 5 * height_px for look in looks)


def test_a_folder_without_a_second_look_gives_no_corners(tmp_path: Path) -> None:
    assert CropReader.load(tmp_path, shipped_models.recogniser()).corners_in(sight().crop()) is None


@pytest.mark.parametrize("shape", [(30, 120), (80, 90), (200, 40), (4, 4)])
def test_the_window_holds_the_crop_in_its_middle(shape: tuple[int, int]) -> None:
    crop = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    window, left, top = window_with(crop)
    height, width = shape
    np.testing.assert_array_equal(window[top : top + height, left : left + width], crop)
    assert abs(window.shape[1] - width - 2 * left) <= 1
    assert abs(window.shape[0] / window.shape[1] - WINDOW_ASPECT) < 0.1 or min(shape) < 10
    assert width <= window.shape[1] * CROP_SHARE + 1


def test_corners_are_in_the_crops_own_px(crop_reader: CropReader) -> None:
    crop, _ = tilted(0)
    found = crop_reader.corners_in(crop)
    assert found is not None
    assert found.box.iou(Box(0, 0, crop.shape[1], crop.shape[0])) > 0.5
