"""How bright plates came out: the face counts, not the ink, not the bumper, not the scene."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.records import Box, Brightness, Quad
from anpr_edge.vision.brightness import measure

PLATE = Box(100, 50, 200, 74)


def picture(face: int, *, scene: int = 20, ink: int = 10, box: Box = PLATE) -> NDArray[np.uint8]:
    """A plate with a third of it inked."""
    pixels = np.full((180, 320), scene, np.uint8)
    x0, y0, x1, y1 = (int(edge) for edge in (box.x0, box.y0, box.x1, box.y1))
    pixels[y0:y1, x0:x1] = face
    pixels[y0:y1, x0:x1:3] = ink
    return pixels


@pytest.mark.parametrize("face", [12, 80, 170, 249])
def test_a_plate_is_as_bright_as_its_face(face: int) -> None:
    assert measure(picture(face), [Quad.of_box(PLATE)]) == Brightness(20, face, 0)


def test_a_saturated_face_shows_as_its_share_of_the_plate() -> None:
    seen = measure(picture(255), [Quad.of_box(PLATE)])
    assert seen.plate_grey == 255
    assert seen.plate_clipped == pytest.approx(2 / 3, abs=0.02)


def test_what_surrounds_a_plate_does_not_count() -> None:
    wide = Quad.of_box(Box(PLATE.x0 - 6, PLATE.y0 - 1.5, PLATE.x1 + 6, PLATE.y1 + 1.5))
    assert measure(picture(90, scene=255), [wide]).plate_grey == 90


def test_a_slanted_plate_is_measured_within_its_corners() -> None:
    quad = Quad((100, 60), (180, 40), (180, 64), (100, 84))
    pixels = np.full((180, 320), 255, np.uint8)
    for x in range(100, 180):
        top = round(60 - (x - 100) / 4)
        pixels[top : top + 24, x] = 120
    assert measure(pixels, [quad]) == Brightness(255, 120, 0)


def test_several_plates_count_by_their_size() -> None:
    near, far = Box(20, 20, 120, 44), Box(200, 20, 220, 25)
    pixels = np.maximum(picture(200, box=near), picture(90, box=far))
    assert measure(pixels, [Quad.of_box(far), Quad.of_box(near)]).plate_grey == 200


def test_a_picture_without_plates_has_the_scenes_brightness_alone() -> None:
    assert measure(picture(200, scene=33), []) == Brightness(33)


@pytest.mark.parametrize("box", [Box(-90, -90, -10, -60), Box(400, 20, 500, 44), Box(50, 50, 50, 50)])
def test_a_plate_outside_the_picture_is_none(box: Box) -> None:
    assert measure(picture(200), [Quad.of_box(box)]) == Brightness(20)


def test_a_plate_half_out_of_the_picture_is_measured_where_it_is() -> None:
    edge = Box(290, 50, 350, 74)
    pixels = np.full((180, 320), 20, np.uint8)
    pixels[50:74, 290:320] = 140
    assert measure(pixels, [Quad.of_box(edge)]).plate_grey == 140
