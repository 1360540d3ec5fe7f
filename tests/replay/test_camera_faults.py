"""A camera blurred, veiled or painted over, on the rendered road with the real models: what doctor says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.config import find_models_directory
from anpr_edge.devices.clock import SystemClock
from anpr_edge.diag.checks.sight import CHECK
from anpr_edge.diag.condition import Verdict
from anpr_edge.hourly import HOURS_FILE, HOURS_SCHEMA, hour_name
from anpr_edge.pipeline import PlateReader
from anpr_edge.vision.closeup import load_detector
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.sight import Sight
from anpr_edge.vision.tflite import TfliteModel
from tests.unit.diag.bench import Bench, make_bench

MODELS = find_models_directory()
Picture = NDArray[np.uint8]

pytestmark = pytest.mark.skipif(not (MODELS / "detector.json").is_file(), reason="no trained models")


def seen_through(lens: Callable[[Picture], Picture]) -> dict[str, Any]:
    """What the reader says of its sight after five vehicles have passed before this lens."""
    road = SyntheticRoad(SystemClock(), vehicles=5, seed=1, paced=False)
    recogniser = TfliteRecogniser(TfliteModel.load(MODELS, "recogniser", threads=1))
    plates, sight = PlateReader(load_detector(MODELS, 1), recogniser), Sight()
    while (frame := road.read()) is not None:
        frame = replace(frame, pixels=lens(frame.pixels))
        plates.step(frame)
        sight.look(frame, plates.detections, plates.looks)
    return sight.state()


@cache
def usual() -> dict[str, Any]:
    return seen_through(lambda pixels: pixels)


def blurred(pixels: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.5), np.uint8)


def veiled(pixels: Picture) -> Picture:
    return np.asarray(np.clip(pixels * 0.5 + 90, 0, 255), np.uint8)


def painted(pixels: Picture) -> Picture:
    noise = np.random.default_rng(0).normal(110, 2, pixels.shape)
    return np.asarray(np.clip(noise, 0, 255), np.uint8)


def verdicts(bench: Bench, sight: dict[str, Any]) -> dict[str, Verdict]:
    """What is not ok of this sight, after a week of the usual one."""
    plates, now = usual()["plates"], datetime.fromtimestamp(bench.clock.now().utc_ns / 1e9, UTC)
    hour = {"seconds": 3600.0, "reads": 100.0, "dark_grey": usual()["dark_grey"]}
    hour |= {name: plates[name] for name in ("sharpness", "contrast")}
    hours = {hour_name(now - timedelta(days=back)): hour for back in range(2, 9)}
    (bench.state_dir / HOURS_FILE).write_text(json.dumps({"schema": HOURS_SCHEMA, "hours": hours}))
    bench.say("reader", sight=sight, reads={"too_small": 0})
    found = {code: one.verdict for code, one in bench.find(CHECK).items()}
    return {code: verdict for code, verdict in found.items() if verdict is not Verdict.OK}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


def test_a_clear_lens(bench: Bench) -> None:
    assert verdicts(bench, usual()) == {}


def test_out_of_focus(bench: Bench) -> None:
    assert verdicts(bench, seen_through(blurred)) == {"focus": Verdict.FAIL}


def test_wet_or_dirty(bench: Bench) -> None:
    assert verdicts(bench, seen_through(veiled)) == {"lens-haze": Verdict.WARN}


def test_painted_over(bench: Bench) -> None:
    sight = seen_through(painted)
    assert sight["flat_s"] > 5
    assert verdicts(bench, {**sight, "flat_s": 60.0})["camera-blocked"] is Verdict.FAIL
