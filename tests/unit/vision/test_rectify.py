"""A plate seen at an angle comes out flat, with its margins, evenly lit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.records import Box, Quad
from anpr_edge.vision.rectify import (
    MARGIN_X,
    MARGIN_Y,
    fit_crop,
    quad_sides,
    rectify,
    sharpness,
    stretch_contrast,
)

SHAPE = (40, 144)
SLANTED = Quad((310, 205), (520, 240), (515, 305), (305, 265))


def plate_face(width: int, height: int) -> NDArray[np.uint8]:
    """A smooth pattern that has no symmetry."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.asarray(127 + 100 * np.sin(7 * x + 1) * np.cos(3 * y + 2 * x), np.uint8)


def photographed(face: NDArray[np.uint8], quad: Quad) -> NDArray[np.uint8]:
    """The face as a camera sees it at `quad`, on grey."""
    height, width = face.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - 0.5
    seen = cv2.getPerspectiveTransform(corners, np.array(quad.points, np.float32) - 0.5)
    picture = np.full((480, 640), 128, np.uint8)
    cv2.warpPerspective(face, seen, (640, 480), picture, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
    return picture


def inside(patch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The patch without its margins."""
    across, down = round(144 * MARGIN_X / (1 + 2 * MARGIN_X)), round(40 * MARGIN_Y / (1 + 2 * MARGIN_Y))
    return patch[down:-down, across:-across]


def test_a_slanted_plate_comes_out_flat() -> None:
    face = plate_face(270, 66)
    found = inside(rectify(photographed(face, SLANTED), SLANTED, SHAPE)).astype(float)
    expected = cv2.resize(face, found.shape[::-1], interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(found - expected)[2:-2, 2:-2].mean() < 5


def test_a_wrong_corner_order_would_be_noticed() -> None:
    face = plate_face(270, 66)
    tl, tr, br, bl = SLANTED.points
    found = inside(rectify(photographed(face, SLANTED), Quad(br, bl, tl, tr), SHAPE)).astype(float)
    expected = cv2.resize(face, found.shape[::-1], interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(found - expected).mean() > 20


def test_the_margins_show_what_is_around_the_plate() -> None:
    picture = np.full((200, 400), 50, np.uint8)
    picture[80:120, 100:244] = 200
    patch = rectify(picture, Quad.of_box(Box(100, 80, 244, 120)), SHAPE)
    left, top = 144 * MARGIN_X / (1 + 2 * MARGIN_X), 40 * MARGIN_Y / (1 + 2 * MARGIN_Y)
    assert (patch[20] > 125).sum() == pytest.approx(144 - 2 * left, abs=1)
    assert (patch[:, 72] > 125).sum() == pytest.approx(40 - 2 * top, abs=1)


def test_a_large_plate_is_averaged_not_sampled() -> None:
    picture = np.zeros((480, 640), np.uint8)
    picture[:, ::2] = 255
    patch = rectify(picture, Quad.of_box(Box(20, 100, 596, 260)), SHAPE)
    assert patch.std() < 20


def test_a_plate_over_the_edge_of_the_picture_is_still_cut() -> None:
    patch = rectify(np.full((100, 200), 90, np.uint8), Quad.of_box(Box(150, 80, 260, 120)), SHAPE)
    assert patch.shape == SHAPE
    assert (patch == 90).all()


@pytest.mark.parametrize("shape", [(40, 144), (12, 30), (300, 900)])
def test_a_crop_is_fitted_whole(shape: tuple[int, int]) -> None:
    crop = np.tile(np.linspace(0, 255, shape[1]), (shape[0], 1)).astype(np.uint8)
    fitted = fit_crop(crop, SHAPE)
    assert fitted.shape == SHAPE
    np.testing.assert_allclose(fitted[20], np.linspace(0, 255, 144), atol=8)


def test_contrast_is_stretched_from_the_2nd_to_the_98th_percentile() -> None:
    patch = np.tile(np.linspace(100, 150, 144), (40, 1)).astype(np.uint8)
    patch[0, :10] = 255  # fewer than 2 %
    stretched = stretch_contrast(patch)
    assert stretched.dtype == np.int8
    assert stretched.min() == -128
    assert (stretched[1:, -3:] == 127).all()
    assert stretched[1, 72] == pytest.approx(0, abs=4)


def test_noise_on_an_even_surface_stays_small() -> None:
    patch = np.full(SHAPE, 60, np.uint8)
    patch[::2] = 63
    spread = stretch_contrast(patch).astype(int)
    assert spread.max() - spread.min() == pytest.approx(3 * 255 / 24, abs=1)


def test_a_blurred_plate_is_less_sharp_whatever_its_brightness() -> None:
    rng = np.random.default_rng(3)
    crisp = np.asarray(rng.integers(0, 2, (10, 36)).repeat(4, 0).repeat(4, 1) * 200 + 20, np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(crisp, (0, 0), 3), np.uint8)
    dim = np.asarray(crisp // 4, np.uint8)
    assert sharpness(stretch_contrast(blurred)) < sharpness(stretch_contrast(crisp)) / 5
    assert sharpness(stretch_contrast(dim)) == pytest.approx(sharpness(stretch_contrast(crisp)), rel=0.05)
    assert sharpness(stretch_contrast(np.zeros(SHAPE, np.uint8))) == 0


def test_sides_are_means_of_opposite_edges() -> None:
    assert quad_sides(Quad((0, 0), (10, 0), (8, 4), (0, 4))) == pytest.approx((9.0, (4 + 20**0.5) / 2))
