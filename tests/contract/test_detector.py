"""What every Detector promises, the shipped model and the scripted one alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.errors import CaptureError
from anpr_edge.records import Box
from anpr_edge.seams import Detector
from tests import shipped_models
from tests.replay.clip import sight
from tests.scripted_road import ScriptedRoad

Picture = NDArray[np.uint8]
EMPTY: Picture = np.full((720, 1280), 40, np.uint8)


@dataclass(frozen=True)
class Subject:
    """A detector, a picture with a plate and one without."""

    detector: Detector
    with_plate: Picture
    without: Picture


def shipped() -> Subject:
    return Subject(shipped_models.detector(), sight().pixels, EMPTY)


def scripted() -> Subject:
    return Subject(ScriptedRoad({"AB12CDE": (0, [Box(10, 10, 90, 30)])}), EMPTY, EMPTY)


@pytest.fixture(params=[shipped, scripted])
def subject(request: pytest.FixtureRequest) -> Subject:
    make: Callable[[], Subject] = request.param
    return make()


def test_it_names_its_model(subject: Subject) -> None:
    name, _, checksum = subject.detector.model_id.partition("+")
    assert "-" in name
    assert len(checksum) == 8


def test_a_plate_is_found_inside_the_picture(subject: Subject) -> None:
    found = subject.detector.detect(subject.with_plate)
    assert found
    height, width = subject.with_plate.shape
    for detection in found:
        assert 0 <= detection.box.x0 < detection.box.x1 <= width
        assert 0 <= detection.box.y0 < detection.box.y1 <= height
        assert 0 < detection.score <= 1
        assert detection.box.iou(detection.quad.box) > 0.3


def test_the_shipped_model_finds_the_plate_where_it_is() -> None:
    (found,) = shipped().detector.detect(sight().pixels)
    assert found.box.iou(sight().quad.box) > 0.6
    for (x, y), (true_x, true_y) in zip(found.quad.points, sight().quad.points, strict=True):
        assert abs(x - true_x) < 0.08 * sight().quad.box.width
        assert abs(y - true_y) < 0.25 * sight().quad.box.height


def test_plates_come_best_first(subject: Subject) -> None:
    scores = [detection.score for detection in subject.detector.detect(subject.with_plate)]
    assert scores == sorted(scores, reverse=True)


def test_the_same_picture_gives_the_same_plates(subject: Subject) -> None:
    before = subject.detector.detect(subject.with_plate)
    assert subject.detector.detect(subject.with_plate) == before


def test_the_picture_is_left_as_it_was(subject: Subject) -> None:
    picture = subject.with_plate.copy()
    picture.flags.writeable = False
    subject.detector.detect(picture)
    np.testing.assert_array_equal(picture, subject.with_plate)


@pytest.mark.parametrize("grey", [0, 40, 255])
def test_an_even_picture_shows_no_plate(grey: int) -> None:
    assert shipped_models.detector().detect(np.full((720, 1280), grey, np.uint8)) == []


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((720, 1280, 3), np.uint8),
        np.zeros((720, 1280), np.float32),
        np.zeros((720, 1280), np.int8),
        np.zeros((0, 0), np.uint8),
        np.zeros((8, 1280), np.uint8),
        np.zeros((720, 9000), np.uint8),
        np.zeros(1280, np.uint8),
    ],
)
def test_what_is_no_picture_is_refused_in_words(picture: Picture) -> None:
    with pytest.raises(CaptureError, match="picture"):
        shipped_models.detector().detect(picture)
