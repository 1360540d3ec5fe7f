"""The pole camera's geometry, and the empty road it sees."""

from __future__ import annotations

import numpy as np
import pytest

from anpr_edge.capture.render.camera_look import CameraLook, Window
from anpr_edge.capture.render.scene import Camera, empty_road

CAMERA = Camera.on_pole(1280, 720)


def test_each_pixel_sees_the_ground_point_that_projects_onto_it() -> None:
    x, y = CAMERA.ground()
    rows, columns = np.array([0, 300, 719]), np.array([5, 640, 1279])
    points = np.stack([x[rows, columns], y[rows, columns], np.zeros(3)], axis=1).astype(np.float64)

    assert CAMERA.project(points) == pytest.approx(np.stack([columns, rows], axis=1), abs=0.05)


def test_up_right_and_away_go_the_ways_they_should() -> None:
    here, right, higher, farther = CAMERA.project(
        np.array([[0, 16, 0], [1, 16, 0], [0, 16, 1], [0, 20, 0]], np.float64)
    )

    assert right[0] > here[0]
    assert higher[1] < here[1]
    assert farther[1] < here[1]


@pytest.mark.parametrize(("y_m", "width_px"), [(10, 120), (25, 52)])
def test_plates_are_as_wide_as_the_camera_promises(y_m: float, width_px: float) -> None:
    edges = CAMERA.project(np.array([[-0.26, y_m, 0.5], [0.26, y_m, 0.5]]))

    assert float(np.linalg.norm(edges[1] - edges[0])) == pytest.approx(width_px, rel=0.05)


def test_the_road_is_dark_with_bright_lines_and_darker_far_away() -> None:
    road = empty_road(CAMERA, np.random.default_rng(1))

    assert road.shape == (720, 1280)
    assert float(np.median(road)) < 35
    assert float(road.max()) > 80
    assert float(np.median(road[:60])) < float(np.median(road[-60:]))


def test_noise_differs_from_frame_to_frame_and_grows_with_gain() -> None:
    scene = np.full((120, 160), 60, np.float32)
    spreads = []
    for gain in (1.0, 8.0):
        look = CameraLook(160, 120, gain, np.random.default_rng(2))
        first, second = look.still_frames(scene, np.random.default_rng(3))[:2]
        spreads.append(float(np.std(first.astype(float) - second)))

    assert 0.5 < spreads[0] < spreads[1]


def test_motion_blur_smears_down_and_not_across() -> None:
    look = CameraLook(96, 96, 1.0, np.random.default_rng(2))
    scene = np.zeros((96, 96), np.float32)
    scene[44:52, 44:52] = 80
    whole = Window(0, 0, 96, 96)
    still = look.develop(scene, whole, 0.0, np.random.default_rng(5)).astype(float)
    moving = look.develop(scene, whole, 8.0, np.random.default_rng(5)).astype(float)

    assert still[42, 48] < 15 < moving[42, 48]
    assert moving[48, 42] < 15


def test_a_saturated_lamp_lights_its_surroundings() -> None:
    look = CameraLook(160, 160, 1.0, np.random.default_rng(2))
    dark, lit = np.zeros((160, 160), np.float32), np.zeros((160, 160), np.float32)
    lit[70:90, 70:90] = 600
    whole = Window(0, 0, 160, 160)
    exposures = [look.develop(s, whole, 0.0, np.random.default_rng(4)) for s in (dark, lit)]
    unlit, around = (float(pixels[55:66, 70:90].mean()) for pixels in exposures)

    assert around > unlit + 2


def test_windows_meet_and_merge() -> None:
    left, right, apart = Window(0, 0, 10, 10), Window(9, 5, 20, 20), Window(20, 0, 30, 10)

    assert left.overlaps(right)
    assert not right.overlaps(apart)
    assert left.union(apart) == Window(0, 0, 30, 10)
