"""Rendered patches: repeatable, of the right size, and cut where they should be."""

import argparse
from pathlib import Path

import numpy as np
import pytest

from models.recipe.ocr.render import add_arguments, run
from models.recipe.ocr.shards import load_shard, shard_paths
from models.recipe.synthesis.crops import (
    PATCH_HEIGHT_PX,
    PATCH_WIDTH_PX,
    distant_crop,
    grow,
    random_blank,
    random_crop,
)
from models.recipe.synthesis.plates import random_plate
from models.recipe.synthesis.typefaces import CAP_HEIGHT_PX, FontTypeface, StrokeTypeface, typefaces


@pytest.fixture(autouse=True)
def only_strokes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fonts differ from machine to machine; our own strokes do not."""
    monkeypatch.setattr("models.recipe.synthesis.typefaces.typefaces", lambda: (StrokeTypeface(),))


def test_the_same_seed_gives_the_same_patch() -> None:
    first, again = (random_crop(np.random.default_rng(7)) for _ in range(2))
    assert first.text == again.text
    assert np.array_equal(first.pixels, again.pixels)


def test_another_seed_gives_another_patch() -> None:
    assert not np.array_equal(
        random_crop(np.random.default_rng(7)).pixels, random_crop(np.random.default_rng(8)).pixels
    )


def test_a_patch_has_the_recognisers_size_and_a_text() -> None:
    rng = np.random.default_rng(9)
    for _ in range(40):
        sample = random_crop(rng)
        assert sample.pixels.shape == (PATCH_HEIGHT_PX, PATCH_WIDTH_PX)
        assert sample.pixels.dtype == np.uint8
        assert sample.text


def test_distant_plates_have_a_text_too() -> None:
    rng = np.random.default_rng(10)
    samples = [distant_crop(rng) for _ in range(20)]
    assert all(sample.text for sample in samples)
    assert {sample.pixels.shape for sample in samples} == {(PATCH_HEIGHT_PX, PATCH_WIDTH_PX)}


def test_rendering_keeps_the_shards_that_are_there(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = [str(tmp_path), "--kind", "distant", "--crops", "3", "--shards"]
    assert run(parser.parse_args([*words, "1"])) == 0
    first = tmp_path / "distant-0000.npz"
    written = first.stat().st_mtime_ns
    assert run(parser.parse_args([*words, "2"])) == 0
    assert first.stat().st_mtime_ns == written
    assert [len(load_shard(path).texts) for path in shard_paths(tmp_path)] == [3, 3]


def test_a_blank_has_nothing_to_read() -> None:
    assert random_blank(np.random.default_rng(1)).text == ""


def test_a_plate_has_contrast_and_stays_in_range() -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        face = random_plate(rng).reflectance
        assert face.dtype == np.float32
        assert face.min() >= 0
        assert face.max() <= 1
        assert face.std() > 0.02


def test_two_row_plates_are_the_higher_ones() -> None:
    rng = np.random.default_rng(4)
    plates = [random_plate(rng, two_row_share=1.0) for _ in range(60)]
    heights = {rows: [p.reflectance.shape[0] for p in plates if p.rows == rows] for rows in (1, 2)}
    assert min(heights[2]) >= 2 * CAP_HEIGHT_PX
    assert np.mean(heights[1]) < np.mean(heights[2])


def test_growing_a_rectangle_adds_the_margins() -> None:
    quad = np.array([[10, 20], [110, 20], [110, 40], [10, 40]], np.float32)
    assert np.allclose(grow(quad, 0.04, 0.10), [[6, 18], [114, 18], [114, 42], [6, 42]], atol=1e-3)


def test_fonts_are_looked_for_where_the_pictures_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fonts").mkdir()
    font = tmp_path / "fonts" / "RG2014B.ttf"
    font.touch()
    monkeypatch.setenv("ANPR_DATA", str(tmp_path))
    assert font in [face.path for face in typefaces.__wrapped__() if isinstance(face, FontTypeface)]


def test_our_own_strokes_are_always_among_the_typefaces() -> None:
    assert any(isinstance(face, StrokeTypeface) for face in typefaces())
