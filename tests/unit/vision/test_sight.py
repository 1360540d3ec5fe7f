"""Numbers that tell a blocked, a dazzled and a blurred camera from a good one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.records import Box, Detection, Frame, Instant, PlateCandidate, Quad
from anpr_edge.vision.sight import LOOKS_KEPT, Sight, measure_scene, plate_contrast

PLATE = Quad.of_box(Box(40, 40, 140, 62))


def picture(grey: int, noise: float = 0.0) -> NDArray[np.uint8]:
    values = np.random.default_rng(1).normal(grey, noise, (360, 640))
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def with_plate(face: int, ink: int, ground: int = 20) -> NDArray[np.uint8]:
    pixels = picture(ground)
    pixels[40:62, 40:140] = face
    pixels[44:58, 50:130:4] = ink
    pixels[44:58, 51:130:4] = ink
    return pixels


def frame(pixels: NDArray[np.uint8], second: float) -> Frame:
    return Frame(0, Instant(0, round(second * 1e9)), pixels)


def look(sharpness: float = 0.5, width_px: float = 90.0) -> PlateCandidate:
    return PlateCandidate("AB12CDE", np.zeros((7, 36), np.float32), 0.9, sharpness, width_px)


@pytest.mark.parametrize(("grey", "noise", "flat"), [(120, 3.0, True), (120, 12.0, False), (4, 1.0, False)])
def test_an_even_surface_in_the_light_is_flat(grey: int, noise: float, flat: bool) -> None:
    assert measure_scene(picture(grey, noise)).flat is flat
    assert measure_scene(picture(grey, noise)).dark is (grey < 16)


def test_glare_is_a_large_part_of_the_picture() -> None:
    dazzled, headlamp = picture(30, 5.0), picture(30, 5.0)
    dazzled[:60, :320] = 255
    headlamp[100:140, 100:140] = 255
    assert measure_scene(dazzled).glaring
    assert not measure_scene(headlamp).glaring


def test_contrast_of_a_plate() -> None:
    assert plate_contrast(with_plate(200, 60), PLATE) == pytest.approx(140, abs=2)
    assert plate_contrast(with_plate(120, 80), PLATE) == pytest.approx(40, abs=2)
    assert plate_contrast(picture(20), Quad.of_box(Box(900, 900, 990, 920))) is None


def test_how_long_a_picture_has_been_flat() -> None:
    sight = Sight()
    for second in range(11):
        sight.look(frame(picture(120, 3.0), second), (), ())
    assert sight.state()["flat_s"] == 10.0
    sight.look(frame(picture(120, 12.0), 11), (), ())
    assert sight.state()["flat_s"] is None


def test_the_plates_numbers_are_those_of_the_last_looks() -> None:
    sight, plates = Sight(), [Detection(PLATE.box, PLATE, 0.9)]
    for second in range(LOOKS_KEPT):
        sight.look(frame(with_plate(200, 60), second), plates, [look(0.5, 60.0 + second % 4 * 10)])
    state = sight.state()["plates"]
    assert state == {
        "looks": LOOKS_KEPT,
        "sharpness": 0.5,
        "contrast": pytest.approx(140, abs=2),
        "width_px": 90.0,
    }
    for second in range(LOOKS_KEPT, 2 * LOOKS_KEPT):
        sight.look(frame(with_plate(120, 80), second), plates, [look(0.05)])
    assert sight.state()["plates"]["sharpness"] == 0.05
    assert sight.state()["plates"]["contrast"] == pytest.approx(40, abs=2)


def test_nothing_is_known_before_the_first_frame_and_the_first_plate() -> None:
    sight = Sight()
    assert sight.state() == {}
    sight.look(frame(picture(20), 0), (), ())
    assert sight.state()["plates"] == {"looks": 0, "sharpness": None, "contrast": None, "width_px": None}


def test_a_look_is_told_at_once_although_the_scene_is_measured_once_a_second() -> None:
    sight = Sight()
    sight.look(frame(picture(20), 0), (), ())
    sight.look(frame(with_plate(200, 60), 0.5), [Detection(PLATE.box, PLATE, 0.9)], [look()])
    assert sight.state()["plates"]["looks"] == 1
    assert sight.state()["middle_grey"] == 20.0
