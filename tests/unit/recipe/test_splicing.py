"""Plates spliced from two others, read by the shipped recogniser."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from anpr_edge.capture.render.plates import UK_TWO_ROW, draw_plate
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
        found.append(RealPlate(path, np.array(quad.points, np.float32), text, 1, "road", "gb"))
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
        places = [gap.place for gap in one.gaps]
        assert [gap.before for gap in one.gaps] == list(range(1, len(one.plate.text)))
        assert np.all(np.diff(places) > 0.05)
        assert 0 < places[0] < places[-1] < 1


def test_a_spliced_plate_reads_as_its_two_halves(pair: tuple[Spliceable, Spliceable]) -> None:
    one, other = pair
    pairs = fitting_gaps(one, other)
    assert pairs
    for left, right in pairs:
        picture, quad, text = spliced(one, other, left, right)
        assert text == one.plate.text[: left.before] + other.plate.text[right.before :]
        corners = Quad(*((float(x), float(y)) for x, y in quad))
        candidate = shipped_models.recogniser().recognise(picture, corners)
        assert candidate is not None
        assert candidate.text == text


def test_a_plate_that_is_not_read_as_labelled_is_left_out(plates: list[RealPlate]) -> None:
    reader = Int8Reader(TfliteModel.load(shipped_models.DIRECTORY, "recogniser"))
    plate = plates[0]
    wrong = RealPlate(plate.path, plate.quad, "NOTHIS", 1, plate.source, plate.country)
    two_rows = RealPlate(plate.path, plate.quad, plate.text, 2, plate.source, plate.country)
    assert Spliceable.of(wrong, reader) is None
    assert Spliceable.of(two_rows, reader) is None


def two_row_plate(path: Path, rows: tuple[str, str], look: float) -> RealPlate:
    art = draw_plate(rows, UK_TWO_ROW, 0.4)
    pixels = np.pad(np.rint(art.reflectance * 255 * look).astype(np.uint8), 40, constant_values=20)
    cv2.imwrite(str(path), pixels)
    height, width = art.reflectance.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) + 40
    return RealPlate(path, corners, art.text, 2, "drawn", "gb")


def test_of_two_row_plates_one_row_each_is_taken(tmp_path: Path) -> None:
    reader = Int8Reader(TfliteModel.load(shipped_models.DIRECTORY, "recogniser"))
    drawn = (
        two_row_plate(tmp_path / "a.png", ("AB12", "CDE"), 0.9),
        two_row_plate(tmp_path / "b.png", ("FG63", "HKL"), 0.5),
    )
    one, other = (Spliceable.of(plate, reader) for plate in drawn)
    assert one
    assert other
    [(upper, lower)] = fitting_gaps(one, other)
    assert (upper.before, lower.before) == (4, 4)
    assert upper.place == pytest.approx(0.5, abs=0.05)
    picture, quad, text = spliced(one, other, upper, lower)
    assert text == "AB12HKL"
    candidate = shipped_models.recogniser().recognise(picture, Quad(*((float(x), float(y)) for x, y in quad)))
    assert candidate is not None
    assert candidate.text == text


def test_one_row_and_two_rows_do_not_go_together(pair: tuple[Spliceable, Spliceable], tmp_path: Path) -> None:
    reader = Int8Reader(TfliteModel.load(shipped_models.DIRECTORY, "recogniser"))
    two_rows = Spliceable.of(two_row_plate(tmp_path / "a.png", ("AB12", "CDE"), 0.9), reader)
    assert two_rows
    assert fitting_gaps(pair[0], two_rows) == []


def test_plates_of_very_different_size_do_not_go_together(pair: tuple[Spliceable, Spliceable]) -> None:
    one, other = pair
    distant = Spliceable(other.plate, one.width_px / 2, other.gaps)
    assert fitting_gaps(one, distant) == []
