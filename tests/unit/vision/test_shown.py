"""What the aim page may show: nobody can read a plate in it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.aim.looker import Eyes, Looker, load_eyes
from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.config import find_models_directory
from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import Box, Detection, Frame, Quad
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.shown import paint_over, small
from anpr_edge.vision.tflite import TfliteModel
from anpr_edge.vision.view import View

MODELS = find_models_directory()
needs_models = pytest.mark.skipif(
    not (MODELS / "detector.json").is_file(), reason="no trained detector in models/"
)


@pytest.fixture(scope="module")
def eyes() -> Eyes:
    return load_eyes(MODELS, 1, None)


def stripes() -> NDArray[np.uint8]:
    picture = np.zeros((360, 640), np.uint8)
    picture[:, ::8] = 200
    return picture


def find(x0: float, y0: float, x1: float, y1: float) -> Detection:
    box = Box(x0, y0, x1, y1)
    return Detection(box, Quad.of_box(box), 0.5)


def test_a_find_is_one_grey_beyond_its_edges_and_the_rest_is_untouched() -> None:
    picture, before = stripes(), stripes()
    paint_over(picture, [find(200, 100, 300, 130)])
    assert np.unique(picture[95:136, 190:311]).size == 1
    assert 10 < picture[115, 250] < 50  # as bright as the plate was
    outside = np.ones(picture.shape, bool)
    outside[85:146, 180:321] = False
    assert np.array_equal(picture[outside], before[outside])


def test_what_was_seen_before_is_painted_too() -> None:
    picture = stripes()
    paint_over(picture, [], [Box(200, 100, 300, 130)])
    assert np.unique(picture[100:130, 200:300]).size == 1


@pytest.mark.parametrize("box", [(-20, -5, 40, 15), (620, 350, 700, 400), (640, 360, 650, 370), (5, 5, 5, 5)])
def test_finds_at_the_edge_break_nothing(box: tuple[float, float, float, float]) -> None:
    paint_over(stripes(), [find(*box)])


def test_two_finds_that_overlap_are_both_gone() -> None:
    picture = stripes()
    paint_over(picture, [find(200, 100, 300, 130), find(250, 110, 350, 140)])
    assert not {0, 200} & set(np.unique(picture[100:140, 250:300]).tolist())  # the stripes' own greys


@pytest.mark.parametrize(("shape", "expected"), [((720, 1280), (270, 480)), ((1088, 1456), (359, 480))])
def test_it_is_small(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert small(np.zeros(shape, np.uint8)).shape == expected


def test_a_small_picture_stays_as_it_is() -> None:
    assert small(np.zeros((240, 320), np.uint8)).shape == (240, 320)


@needs_models
def test_our_own_recogniser_reads_no_plate_in_it(eyes: Eyes) -> None:
    """On a rendered road, in every second frame: neither whole plates nor those at the picture's edge."""
    road = SyntheticRoad(SystemClock(), vehicles=8, seed=11, paced=False)
    recogniser = TfliteRecogniser(TfliteModel.load(MODELS, "recogniser", 1))
    looker = Looker(eyes, View(), 15.0)
    shown = naked = 0
    for seq in range(0, road.frame_count, 2):
        pixels = road.render(seq)
        parcel = looker.look(Frame(seq, road.read().taken, pixels), {})  # type: ignore[union-attr]
        picture = cv2.imdecode(np.frombuffer(parcel.picture, np.uint8), cv2.IMREAD_GRAYSCALE)
        for quad, text in road.truth_at(seq):
            if quad.box.width >= 40:
                shown += reads(recogniser, np.asarray(picture, np.uint8), quad, text)
                naked += reads(recogniser, small(pixels), quad, text)
    assert naked > 10  # without the paint they would be read
    assert shown == 0


def reads(recogniser: TfliteRecogniser, picture: NDArray[np.uint8], quad: Quad, text: str) -> bool:
    """Whether most of a plate's characters come out right."""
    scale = picture.shape[1] / 1280
    corners = [(x * scale, y * scale) for x, y in quad.points]
    candidate = recogniser.recognise(picture, Quad(*corners))
    if candidate is None or len(candidate.text) != len(text):
        return False
    return sum(a == b for a, b in zip(candidate.text, text, strict=True)) >= len(text) - 2


@needs_models
def test_every_visible_plate_is_covered(eyes: Eyes) -> None:
    """Pixel by pixel, hidden and cut-off plates too: what is left of a plate of 40 px is its rim."""
    road = SyntheticRoad(SystemClock(), vehicles=8, seed=12, paced=False)
    worst = 1.0
    for seq in range(0, road.frame_count, 6):
        pixels = road.render(seq)
        _, maybe = eyes.look(pixels)
        paint = _paint_mask(pixels.shape, maybe)
        for sight in road.sights_at(seq):
            if sight.inside and sight.hidden < 0.3 and sight.width_px >= 40:
                plate = np.zeros(pixels.shape, np.uint8)
                cv2.fillConvexPoly(plate, np.rint(np.array(sight.quad.points)).astype(np.int32), (1,))
                worst = min(worst, float(paint[plate == 1].mean()))
    assert worst > 0.97


def _paint_mask(shape: tuple[int, ...], finds: list[Detection]) -> NDArray[np.uint8]:
    """Where paint goes: a noisy picture, before and after."""
    noise = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    after = noise.copy()
    paint_over(after, finds)
    return np.asarray(after != noise, np.uint8)
