"""A frame that leans carries its labels along."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.recipe.detector.frames import HEIGHT_PX, WIDTH_PX, LabelledFrame
from models.recipe.detector.leaning import leaning
from models.recipe.detector.pictures import boxes_of_quads

NOTHING = np.zeros((0, 4), np.float32)
FACE = (180, 140, 260, 162)
MIDDLE = (220.0, 151.0)


def white_plate() -> LabelledFrame:
    """A black frame with one white plate."""
    pixels = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    x0, y0, x1, y1 = FACE
    pixels[y0:y1, x0:x1] = 255
    quads = np.array([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]], np.float32)
    return LabelledFrame(pixels, boxes_of_quads(quads), quads, NOTHING, True)


@pytest.mark.parametrize("about", [MIDDLE, (WIDTH_PX / 2, HEIGHT_PX / 2)])
@pytest.mark.parametrize(("roll_deg", "shear_deg"), [(-25.0, 0.0), (0.0, 20.0), (0.0, 0.0), (25.0, -20.0)])
def test_a_leaning_plate_lies_where_its_corners_say(
    about: tuple[float, float], roll_deg: float, shear_deg: float
) -> None:
    leant = leaning(white_plate(), about, roll_deg, shear_deg, grey=0)
    faces = np.zeros_like(leant.pixels)
    cv2.fillConvexPoly(faces, np.round((leant.quads[0] - 0.5) * 256).astype(int), (255,), shift=8)
    shared = ((faces > 127) & (leant.pixels > 127)).sum() / ((faces > 127) | (leant.pixels > 127)).sum()
    assert shared > 0.9
    assert leant.boxes == pytest.approx(boxes_of_quads(leant.quads))
    if about == MIDDLE:
        assert leant.quads[0].mean(axis=0) == pytest.approx(MIDDLE, abs=0.01)


def test_a_plate_is_turned_clockwise_and_slants_to_the_left() -> None:
    turned, slanting = leaning(white_plate(), MIDDLE, 10.0), leaning(white_plate(), MIDDLE, 0.0, 10.0)
    top_left, top_right, _, bottom_left = turned.quads[0]
    assert top_right[1] - top_left[1] == pytest.approx(80 * np.sin(np.radians(10)), abs=0.01)
    top_left, top_right, _, bottom_left = slanting.quads[0]
    assert top_right[1] == top_left[1]
    assert bottom_left[0] - top_left[0] == pytest.approx(22 * np.tan(np.radians(10)), abs=0.01)


def test_what_comes_in_from_outside_is_grey() -> None:
    assert (leaning(white_plate(), MIDDLE, 25.0, grey=77).pixels[[0, -1], [0, -1]] == 77).all()


def test_a_plate_of_unknown_corners_is_ignored_once_the_frame_leans() -> None:
    known = white_plate()
    unknown = np.array([[20, 20, 60, 30]], np.float32)
    frame = LabelledFrame(
        known.pixels,
        np.concatenate([unknown, known.boxes]),
        np.concatenate([np.full((1, 4, 2), np.nan, np.float32), known.quads]),
        NOTHING,
        True,
    )
    leant = leaning(frame, MIDDLE, 0.0)
    assert leant.boxes == pytest.approx(known.boxes)
    assert leant.ignored == pytest.approx(unknown)
