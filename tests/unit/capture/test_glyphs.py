"""The characters fill their cells, differ from one another and survive being small."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from anpr_edge.capture.render.glyphs import CHARACTERS, STROKE_TO_HEIGHT, glyph_mask, narrowness


@pytest.mark.parametrize("char", CHARACTERS)
def test_every_character_reaches_the_edges_of_its_cell(char: str) -> None:
    ink = glyph_mask(char, 50, 79) > 127
    columns = np.flatnonzero(ink.any(axis=0))
    rows = np.flatnonzero(ink.any(axis=1))

    assert (rows[0], rows[-1]) == (0, 78)
    assert columns[-1] - columns[0] + 1 == pytest.approx(50 * narrowness(char), abs=1.5)
    assert columns[0] == pytest.approx(49 - columns[-1], abs=1)


def test_only_one_and_i_are_narrow() -> None:
    assert {char for char in CHARACTERS if narrowness(char) < 1} == {"1", "I"}


def test_i_is_one_stroke_wide() -> None:
    ink = glyph_mask("I", 500, 790)

    assert ink[395].astype(int).sum() / 255 == pytest.approx(790 * STROKE_TO_HEIGHT, rel=0.01)


@pytest.mark.parametrize("char", "HLTEFINMU")
def test_uprights_are_a_stroke_wide(char: str) -> None:
    row = glyph_mask(char, 500, 790)[490] > 127
    first_run = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]]))))[0]
    expected = 140 * (0.86 if char == "M" else 1)

    assert first_run == pytest.approx(expected, abs=3)


def test_no_two_characters_look_alike_at_eleven_pixels() -> None:
    masks = {char: glyph_mask(char, 8, 13).astype(float) / 255 for char in CHARACTERS}
    apart = {(a, b): float(np.abs(masks[a] - masks[b]).sum()) for a, b in combinations(CHARACTERS, 2)}
    closest = min(apart, key=lambda pair: apart[pair])

    assert set(closest) == {"0", "O"}  # the statute draws these alike; we keep a small difference
    assert apart[closest] > 1
    assert min(v for pair, v in apart.items() if pair != closest) > 4


def test_edges_are_smooth() -> None:
    shades = np.unique(glyph_mask("O", 25, 40))

    assert len(shades) > 20


def test_the_stroke_can_be_thinner() -> None:
    assert glyph_mask("H", 44, 64, 10 / 64).sum() < glyph_mask("H", 44, 64).sum()


def test_a_repeated_character_is_the_same_picture_and_cannot_be_spoiled() -> None:
    mask = glyph_mask("A", 20, 32)

    assert glyph_mask("A", 20, 32) is mask
    with pytest.raises(ValueError, match="read-only"):
        mask[0, 0] = 1
