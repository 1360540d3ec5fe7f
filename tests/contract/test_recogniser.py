"""What every Recogniser promises, the shipped model and the scripted one alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.errors import CaptureError
from anpr_edge.plates.syntax import fold
from anpr_edge.records import Box, PlateCandidate, Quad
from anpr_edge.seams import Recogniser
from tests import shipped_models
from tests.replay.clip import sight
from tests.scripted_road import ScriptedRoad

Picture = NDArray[np.uint8]
SOMEWHERE_ELSE = Quad.of_box(Box(900, 500, 1000, 530))


@dataclass(frozen=True)
class Subject:
    """A recogniser, and a plate it can read."""

    recogniser: Recogniser
    pixels: Picture
    quad: Quad

    def read(self) -> PlateCandidate:
        candidate = self.recogniser.recognise(self.pixels, self.quad)
        assert candidate is not None
        return candidate


def shipped() -> Subject:
    return Subject(shipped_models.recogniser(), sight().pixels, sight().quad)


def scripted() -> Subject:
    box = Box(10, 10, 90, 30)
    return Subject(ScriptedRoad({"AB12CDE": (0, [box])}), np.zeros((720, 1280), np.uint8), Quad.of_box(box))


@pytest.fixture(params=[shipped, scripted])
def subject(request: pytest.FixtureRequest) -> Subject:
    make: Callable[[], Subject] = request.param
    return make()


def test_it_names_its_model_and_its_alphabet(subject: Subject) -> None:
    assert "+" in subject.recogniser.model_id
    assert "-" not in subject.recogniser.alphabet
    assert len(set(subject.recogniser.alphabet)) == len(subject.recogniser.alphabet)


def test_rows_are_probabilities_that_spell_the_text(subject: Subject) -> None:
    candidate = subject.read()
    assert candidate.char_probs.dtype == np.float32
    assert candidate.char_probs.shape == (len(candidate.text), len(subject.recogniser.alphabet))
    np.testing.assert_allclose(candidate.char_probs.sum(axis=1), 1, rtol=1e-4)
    spelt = [subject.recogniser.alphabet[column] for column in candidate.char_probs.argmax(axis=1)]
    assert "".join(spelt) == candidate.text


def test_the_score_is_no_surer_than_the_characters_together(subject: Subject) -> None:
    candidate = subject.read()
    assert 0 < candidate.score <= float(candidate.char_probs.max(axis=1).prod()) + 1e-6


def test_it_says_how_sharp_and_how_wide(subject: Subject) -> None:
    candidate = subject.read()
    assert candidate.sharpness > 0
    assert candidate.plate_width_px == pytest.approx(subject.quad.box.width, rel=0.2)


def test_where_there_is_no_plate_there_is_no_text(subject: Subject) -> None:
    assert subject.recogniser.recognise(np.full((720, 1280), 40, np.uint8), SOMEWHERE_ELSE) is None


def test_the_picture_is_left_as_it_was(subject: Subject) -> None:
    picture = subject.pixels.copy()
    picture.flags.writeable = False
    subject.recogniser.recognise(picture, subject.quad)
    np.testing.assert_array_equal(picture, subject.pixels)


def test_the_shipped_model_reads_a_plain_plate_in_its_picture_and_cut_out() -> None:
    cut_out = shipped_models.recogniser().recognise_crop(sight().crop())
    assert cut_out is not None
    assert fold(cut_out.text) == fold(shipped().read().text) == fold(sight().text)


@pytest.mark.parametrize(
    "quad",
    [
        Quad((5, 5), (5, 5), (5, 5), (5, 5)),
        Quad((-500, -500), (-400, -500), (-400, -480), (-500, -480)),
        Quad((0, 0), (1e6, 0), (1e6, 1e5), (0, 1e5)),
    ],
)
def test_an_impossible_quad_is_no_plate_and_no_crash(quad: Quad) -> None:
    assert shipped_models.recogniser().recognise(np.full((720, 1280), 40, np.uint8), quad) is None


@pytest.mark.parametrize("shape", [(3, 40), (40, 3), (40, 144, 3)])
def test_what_is_no_crop_is_refused_in_words(shape: tuple[int, ...]) -> None:
    with pytest.raises(CaptureError, match="picture"):
        shipped_models.recogniser().recognise_crop(np.zeros(shape, np.uint8))
