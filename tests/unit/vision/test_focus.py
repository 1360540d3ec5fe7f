"""Sharpness falls as the lens goes out of focus, and a passing vehicle is not taken for the lens."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.aim.meters import PeakHold
from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.devices.clock import SystemClock
from anpr_edge.vision.focus import SceneFocus, plate_sharpness

BLURS_PX = (0.0, 0.7, 1.0, 1.5, 2.0, 3.0)


@pytest.fixture(scope="module")
def road() -> SyntheticRoad:
    return SyntheticRoad(SystemClock(), vehicles=6, seed=1, paced=False)


def blurred(pixels: NDArray[np.uint8], sigma_px: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px) if sigma_px else pixels, np.uint8)


def test_the_scene_is_less_sharp_with_every_turn_out_of_focus(road: SyntheticRoad) -> None:
    frame = road.render(0)
    found = [SceneFocus().look(blurred(frame, sigma)) or 0.0 for sigma in BLURS_PX]
    assert found == sorted(found, reverse=True)
    assert found[0] > 2 * found[-1]


def test_a_darker_picture_of_the_scene_is_as_sharp(road: SyntheticRoad) -> None:
    frame = cv2.convertScaleAbs(road.render(0), alpha=3.0)
    bright, dark = (SceneFocus().look(np.asarray(frame * scale, np.uint8)) for scale in (1.0, 0.6))
    assert bright == pytest.approx(dark, rel=0.16)


def test_plates_are_less_sharp_with_every_turn_out_of_focus(road: SyntheticRoad) -> None:
    seq, quad = next(
        (seq, quad)
        for seq in range(0, road.frame_count)
        for quad, _ in road.truth_at(seq)
        if quad.box.width > 100
    )
    frame = road.render(seq)
    found = [plate_sharpness(blurred(frame, sigma), quad) for sigma in BLURS_PX]
    assert found == sorted(found, reverse=True)
    assert found[0] > 3 * found[-1]


def test_traffic_does_not_raise_the_peak_beyond_what_the_empty_road_gives(road: SyntheticRoad) -> None:
    focus, meter, empty = SceneFocus(), PeakHold(), SceneFocus().look(road.render(0))
    for seq in range(0, road.frame_count, 3):
        meter.add(focus.look(road.render(seq)))
    assert empty is not None
    assert meter.peak == pytest.approx(empty, rel=0.05)


@pytest.mark.parametrize("grey", [0, 20, 255])
def test_nothing_to_be_sharp_is_not_zero(grey: int) -> None:
    assert SceneFocus().look(np.full((720, 1280), grey, np.uint8)) is None


def test_noise_alone_is_nothing_to_be_sharp() -> None:
    noise = np.random.default_rng(1).normal(20, 4, (720, 1280)).clip(0, 255).astype(np.uint8)
    assert SceneFocus().look(noise) is None


def test_another_size_of_picture_begins_anew(road: SyntheticRoad) -> None:
    focus = SceneFocus()
    focus.look(road.render(0))
    focus.look(road.render(0)[:40, :30])
    assert focus.look(road.render(0)) is not None
