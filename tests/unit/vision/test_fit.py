"""A picture is stretched to the detector's input, and padded only when it would be stretched too far."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from anpr_edge.vision.detector import PADDING_GREY, fit

SHAPE = (288, 416)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1456, 1088), (640, 480), (320, 240), (417, 289)])
def test_camera_pictures_fill_the_input(width: int, height: int) -> None:
    fitted = fit(np.full((height, width), 200, np.uint8), SHAPE)
    assert fitted.picture.shape == SHAPE
    assert (fitted.picture == 200 - 128).all()
    assert fitted.scale_x * width == pytest.approx(416)
    assert fitted.scale_y * height == pytest.approx(288)


@pytest.mark.parametrize(("width", "height"), [(2000, 400), (300, 900)])
def test_a_very_wide_or_tall_picture_is_padded(width: int, height: int) -> None:
    fitted = fit(np.full((height, width), 200, np.uint8), SHAPE)
    inner = round(width * fitted.scale_x), round(height * fitted.scale_y)
    assert (fitted.picture[: inner[1], : inner[0]] == 200 - 128).all()
    padding = fitted.picture[inner[1] :] if inner[1] < 288 else fitted.picture[:, inner[0] :]
    assert padding.size > 0
    assert (padding == PADDING_GREY - 128).all()
    ratio = fitted.scale_x / fitted.scale_y
    assert max(ratio, 1 / ratio) == pytest.approx(1.6, rel=0.01)


def test_a_dot_lands_where_the_scales_say() -> None:
    pixels = np.zeros((720, 1280), np.uint8)
    pixels[400:404, 900:904] = 255
    fitted = fit(pixels, SHAPE)
    row, col = np.unravel_index(fitted.picture.argmax(), SHAPE)
    assert (col + 0.5) / fitted.scale_x == pytest.approx(902, abs=2)
    assert (row + 0.5) / fitted.scale_y == pytest.approx(402, abs=2)


def test_shrinking_averages_like_inter_area() -> None:
    rng = np.random.default_rng(1)
    pixels = cv2.GaussianBlur(rng.integers(0, 256, (720, 1280), np.uint8), (0, 0), 1.5)
    expected = cv2.resize(pixels, (416, 288), interpolation=cv2.INTER_AREA).astype(float)
    found = fit(np.asarray(pixels, np.uint8), SHAPE).picture.astype(float) + 128
    assert np.abs(found - expected).mean() < 1.0
