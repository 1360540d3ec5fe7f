"""The recogniser's training parts that run without PyTorch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anpr_edge.vision.tflite import TfliteModel
from models.recipe.data import LabelledPlate, Scene
from models.recipe.ocr.alphabet import encode
from models.recipe.ocr.batches import BatchMaker, jitter, normalise
from models.recipe.ocr.confidence import HeldOut, surprise_of
from models.recipe.ocr.measures import (
    Reading,
    edit_distance,
    expected_calibration_error,
    precision_at,
    summarise,
    wilson,
)
from models.recipe.ocr.real import RealCrop
from models.recipe.ocr.shards import load_shard, save_shard
from models.recipe.synthesis.crops import Sample
from tests import shipped_models
from tests.replay.clip import sight


def test_encode_refuses_what_the_model_cannot_say() -> None:
    assert encode("AB1").tolist() == [11, 12, 2]
    with pytest.raises(ValueError, match="substring"):
        encode("Ä")


def test_shards_come_back_as_they_went(tmp_path: Path) -> None:
    pixels = np.tile(np.linspace(0, 255, 144, dtype=np.uint8), (40, 1))
    save_shard(tmp_path / "real-0000.npz", [Sample(pixels, "AB12CDE"), Sample(pixels, "")], "real")
    shard = load_shard(tmp_path / "real-0000.npz")
    assert shard.texts == ("AB12CDE", "")
    assert shard.kind == "real"
    assert (shard.pixels.min(), shard.pixels.max()) == (0, 255)


def test_batches_take_up_shards_that_come_later(tmp_path: Path) -> None:
    pixels = np.zeros((40, 144), np.uint8)
    with pytest.raises(FileNotFoundError, match="render-ocr"):
        BatchMaker(tmp_path, np.random.default_rng(0))
    save_shard(tmp_path / "made-up-0000.npz", [Sample(pixels, "A1")], "made-up")
    batches = BatchMaker(tmp_path, np.random.default_rng(0))
    assert set(batches.next(32)[1]) == {"A1"}
    save_shard(tmp_path / "real-0000.npz", [Sample(pixels, "B2")], "real")
    batches.look_for_shards()
    assert set(batches.next(256)[1]) == {"A1", "B2"}


def test_jitter_keeps_shape_and_range() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (16, 40, 144), np.uint8)
    changed = jitter(np.random.default_rng(1), pixels)
    assert changed.shape == pixels.shape
    assert changed.dtype == np.uint8
    assert (changed != pixels).any()


def test_normalised_pixels_are_what_the_quantised_input_means() -> None:
    assert normalise(np.array([0, 128, 255], np.uint8)).tolist() == [-1.0, 0.0, 127 / 128]


def test_figures_fold_what_plates_print_alike() -> None:
    readings = [Reading("a", "OI12", "0112", 0.9), Reading("b", "AB12", "AB1", 0.2)]
    figures = summarise(readings)
    assert (figures["exact"], figures["folded"]) == (0.0, 0.5)
    assert figures["character_error_rate"] == 1 / 8


def test_calibration_error_is_zero_for_honest_scores_and_large_for_boasting() -> None:
    honest = [Reading("", "A", "A", 1.0)] * 10
    boasting = [Reading("", "A", "B", 1.0)] * 10
    assert expected_calibration_error(honest) == 0.0
    assert expected_calibration_error(boasting) == 1.0


def test_the_least_surprise_is_that_of_the_share_that_is_right() -> None:
    def surprise(score: float) -> float:
        return surprise_of([Reading("", "A", "A", score)] * 9 + [Reading("", "A", "B", score)])

    assert min((0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0), key=surprise) == 0.9


def test_confidence_is_measured_on_every_crop_and_every_plate_with_a_text(tmp_path: Path) -> None:
    plate = LabelledPlate(sight().quad.box, sight().quad, sight().text, pseudo=False)
    nameless = replace(plate, text=None)
    supplied = replace(plate, pseudo=True)
    scenes = [
        Scene("", tmp_path, "", "A", "", infrared=True, plates=(one,)) for one in (plate, nameless, supplied)
    ]
    crop = RealCrop("crop", tmp_path, sight().text, ())
    held_out = HeldOut([(sight().crop(), crop)], [(sight().pixels, scene) for scene in scenes])
    model = TfliteModel.load(shipped_models.DIRECTORY, "recogniser")
    cut_out, whole = held_out.readings(shipped_models.DIRECTORY, model)
    assert cut_out.right
    assert whole.right
    assert 0.5 < min(cut_out.score, whole.score) <= 1


def test_the_surest_readings_are_kept() -> None:
    readings = [Reading("", "A", "A", 0.9)] * 9 + [Reading("", "A", "B", 0.1)]
    assert precision_at(readings, 0.9) == (0.9, 1.0)


@pytest.mark.parametrize(
    ("read", "truth", "edits"), [("", "AB", 2), ("AB", "AB", 0), ("HAB", "AB", 1), ("AC", "AB", 1)]
)
def test_edit_distance(read: str, truth: str, edits: int) -> None:
    assert edit_distance(read, truth) == edits


def test_interval_holds_the_share_and_stays_within_bounds() -> None:
    low, high = wilson(20, 20)
    assert 0.8 < low < 1.0
    assert high == pytest.approx(1.0)
