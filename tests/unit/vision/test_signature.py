"""A view is known again in other traffic and light, its moves are measured, and nothing can be seen in it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError
from anpr_edge.vision.signature import NONE, Signature, ViewGatherer

FRAMES, STEP = 16, 4


@pytest.fixture(scope="module")
def road() -> SyntheticRoad:
    return SyntheticRoad(SystemClock(), vehicles=8, seed=3, paced=False)


@pytest.fixture(scope="module")
def known(road: SyntheticRoad) -> Signature:
    return gathered(road, 0).signature()


def gathered(road: SyntheticRoad, first: int, **change: float) -> ViewGatherer:
    gatherer = ViewGatherer()
    for seq in range(first, first + FRAMES * STEP, STEP):
        gatherer.add(moved(road.render(seq % road.frame_count), **change))
    return gatherer


def moved(
    pixels: NDArray[np.uint8], dx: float = 0, dy: float = 0, turn_deg: float = 0, zoom: float = 1
) -> NDArray[np.uint8]:
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, zoom)
    matrix = np.asarray(matrix, np.float64) + np.array([[0, 0, dx], [0, 0, dy]])
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8
    )


def test_the_same_view_in_other_traffic_is_the_same(road: SyntheticRoad, known: Signature) -> None:
    found = gathered(road, 150).compare(known)
    assert found.verdict == "same"
    assert (found.shift_x, found.shift_y, found.turn_deg) == (0, 0, 0)


@pytest.mark.parametrize(
    ("dx", "dy", "turn_deg"), [(40, 0, 0), (-70, 25, 0), (0, 50, 0), (0, 0, 2), (25, 0, -3), (130, -40, 0)]
)
def test_a_move_is_told_and_measured(
    road: SyntheticRoad, known: Signature, dx: float, dy: float, turn_deg: float
) -> None:
    found = gathered(road, 150, dx=dx, dy=dy, turn_deg=turn_deg).compare(known)
    assert found.verdict == "moved"
    assert found.shift_x == pytest.approx(dx / 1280, abs=0.012)
    assert found.shift_y == pytest.approx(dy / 720, abs=0.02)
    assert found.turn_deg == pytest.approx(-turn_deg, abs=1.1)


def test_directions_turn_with_the_camera() -> None:
    """Stripes along one of the eight directions agree wholly once turned back, places and directions both."""
    y, x = np.mgrid[0:720, 0:1280]
    across = x * np.cos(np.pi / 8) + y * np.sin(np.pi / 8)
    stripes = (127 + 100 * np.sin(across / 12) * np.sin(x / 90) * np.sin(y / 70)).astype(np.uint8)
    known, turned = ViewGatherer(), ViewGatherer()
    known.add(stripes)
    turned.add(moved(stripes, turn_deg=6))
    found = turned.compare(known.signature())
    assert found.turn_deg == pytest.approx(-6, abs=0.6)
    assert found.agreement > 0.97


@pytest.mark.parametrize("dx", [-12, 8, 15])
def test_what_wind_does_is_no_move(road: SyntheticRoad, known: Signature, dx: float) -> None:
    assert gathered(road, 150, dx=dx).compare(known).verdict == "same"


@pytest.mark.parametrize("gamma", [0.6, 1.5])
def test_more_and_less_light_changes_nothing(road: SyntheticRoad, known: Signature, gamma: float) -> None:
    table = (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    gatherer = ViewGatherer()
    for seq in range(150, 150 + FRAMES * STEP, STEP):
        gatherer.add(np.asarray(cv2.LUT(road.render(seq), table), np.uint8))
    assert gatherer.compare(known).verdict == "same"


def test_another_place_a_covered_lens_and_noise_cannot_be_told(known: Signature) -> None:
    other = SyntheticRoad(SystemClock(), vehicles=8, seed=6, paced=False)
    rng = np.random.default_rng(1)
    for pictures in (
        [other.render(seq) for seq in range(0, 60, 4)],
        [np.full((720, 1280), 9, np.uint8)],
        [rng.integers(0, 255, (720, 1280)).astype(np.uint8) for _ in range(4)],
    ):
        gatherer = ViewGatherer()
        for pixels in pictures:
            gatherer.add(pixels)
        assert gatherer.compare(known).verdict == "cannot tell"


def test_it_is_coarse_and_holds_what_stands(road: SyntheticRoad, known: Signature) -> None:
    """1,152 bytes for a picture of 921,600; what stands and has edges in both keeps them."""
    assert len(known.encode()) * 3 / 4 == 1152
    later = gathered(road, 150).signature()
    differ = (known.cells != later.cells) & (known.cells != NONE) & (later.cells != NONE)
    assert differ.mean() < 0.1


def test_as_text_and_back(known: Signature) -> None:
    assert np.array_equal(Signature.decode(known.encode()).cells, known.cells)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "ä", "A" * 1536 + "AAAA"])
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(AnprError, match="not a view's signature"):
        Signature.decode(text)
