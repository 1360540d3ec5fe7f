"""Plates spliced from two others, read by the shipped recogniser."""

import cv2
import numpy as np
import pytest

from anpr_edge.records import Quad
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.ocr.readers import Int8Reader
from models.recipe.ocr.real import RealPlate
from models.recipe.ocr.splicing import Spliceable, fitting_gaps, spliced
from tests import shipped_models
from tests.replay.clip import road


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> list[RealPlate]:
    """Two rendered vehicles with plates of one style in one lane, each near the end of its passage."""
    folder = tmp_path_factory.mktemp("pictures")
    source = road(vehicles=4)
    found = []
    for passage in (one for one in source.truth if (one.style, one.lane) == ("uk-single", 1)):
        seq = passage.last_frame - 4
        quad, text = next(seen for seen in source.truth_at(seq) if seen[1] == passage.plate_text)
        path = folder / f"{seq}.png"
        cv2.imwrite(str(path), source.render(seq))
        found.append(RealPlate(path, np.array(quad.points, np.float32), text, 1, 1.0, "road gb"))
    return found


@pytest.fixture(scope="module")
def pair(plates: list[RealPlate]) -> tuple[Spliceable, Spliceable]:
    reader = Int8Reader(TfliteModel.load(shipped_models.DIRECTORY, "recogniser"))
    one, other = (Spliceable.of(plate, reader) for plate in plates)
    assert one
    assert other
    return one, other


def test_there_is_a_gap_after_every_character_but_the_last(pair: tuple[Spliceable, Spliceable]) -> None:
    for one in pair:
        assert len(one.gaps) == len(one.plate.text) - 1
        assert np.all(np.diff(one.gaps) > 0.05)
        assert 0 < one.gaps[0] < one.gaps[-1] < 1


def test_a_spliced_plate_reads_as_its_two_halves(pair: tuple[Spliceable, Spliceable]) -> None:
    one, other = pair
    pairs = fitting_gaps(one, other)
    assert pairs
    for left, right in pairs:
        picture, quad, text = spliced(one, other, left, right)
        assert text == one.plate.text[: left + 1] + other.plate.text[right + 1 :]
        corners = Quad(*((float(x), float(y)) for x, y in quad))
        candidate = shipped_models.recogniser().recognise(picture, corners)
        assert candidate is not None
        assert candidate.text == text


def test_a_plate_that_is_not_read_as_labelled_is_left_out(plates: list[RealPlate]) -> None:
    reader = Int8Reader(TfliteModel.load(shipped_models.DIRECTORY, "recogniser"))
    plate = plates[0]
    wrong = RealPlate(plate.path, plate.quad, "NOTHIS", 1, 1.0, plate.origin)
    two_rows = RealPlate(plate.path, plate.quad, plate.text, 2, 1.0, plate.origin)
    assert Spliceable.of(wrong, reader) is None
    assert Spliceable.of(two_rows, reader) is None


def test_plates_of_very_different_size_do_not_go_together(pair: tuple[Spliceable, Spliceable]) -> None:
    one, other = pair
    distant = Spliceable(other.plate, one.width_px / 2, other.gaps)
    assert fitting_gaps(one, distant) == []
