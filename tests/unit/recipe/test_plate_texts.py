"""Made-up texts: they obey the patterns, and the separators never count as text."""

import re

import numpy as np
import pytest

from models.recipe.ocr.alphabet import ALPHABET
from models.recipe.synthesis.texts import NATIONS, SEPARATORS, Nation, PlateText, fill_pattern, random_text

CURRENT_BRITISH = re.compile(r"[A-HJ-PR-Z]{2}[0-9]{2} [A-HJ-PR-Z]{3}")


def test_current_british_pattern_gives_current_british_texts() -> None:
    british = NATIONS[0]
    rng = np.random.default_rng(1)
    for _ in range(200):
        marks = fill_pattern(rng, british.patterns[0].replace("/", ""), british.letters)
        assert CURRENT_BRITISH.fullmatch(marks)


def test_lower_case_placeholder_is_there_about_half_of_the_time() -> None:
    rng = np.random.default_rng(2)
    lengths = [len(fill_pattern(rng, "DDd")) for _ in range(400)]
    assert 150 < lengths.count(3) < 250


def test_letters_that_are_no_placeholders_stay() -> None:
    filled = fill_pattern(np.random.default_rng(3), "B DD/ LLL")
    assert re.fullmatch(r"B [0-9]{2}/ [A-Z]{3}", filled)


def test_region_codes_come_from_the_nations_list() -> None:
    nation = next(nation for nation in NATIONS if nation.code == "RO")
    rng = np.random.default_rng(6)
    codes = {fill_pattern(rng, "R", "", tuple(nation.regions.split())) for _ in range(300)}
    assert codes <= set(nation.regions.split())
    assert len(codes) > 30


def test_texts_can_be_kept_to_some_nations() -> None:
    rng = np.random.default_rng(7)
    assert {random_text(rng, codes=("RO", "UK")).nation.code for _ in range(100)} == {"RO", "UK"}


def test_text_leaves_separators_out_and_joins_rows() -> None:
    nation = Nation("eu", "D", 1.0, ())
    assert PlateText(("HH:", "AB-123"), nation).text == "HHAB123"


def test_rows_never_begin_or_end_with_a_hyphen_or_space() -> None:
    rng = np.random.default_rng(4)
    layouts = [random_text(rng, two_row_share=1.0) for _ in range(500)]
    split = [layout for layout in layouts if len(layout.rows) == 2]
    assert len(split) > 200
    assert all(row == row.strip(" -") for layout in split for row in layout.rows)


def test_every_text_can_be_said_by_the_recogniser() -> None:
    rng = np.random.default_rng(5)
    texts = [random_text(rng).text for _ in range(2000)]
    assert set("".join(texts)) <= set(ALPHABET[1:])
    assert max(map(len, texts)) <= 10


@pytest.mark.parametrize("nation", NATIONS, ids=lambda nation: f"{nation.family}-{nation.code}")
def test_no_pattern_holds_an_unknown_mark(nation: Nation) -> None:
    for pattern in nation.patterns:
        assert set(pattern) <= set("LDXRldx" + SEPARATORS + "/" + "BWIZ"), pattern
        assert pattern.count("/") <= 1
