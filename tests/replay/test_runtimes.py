"""Both TFLite runtimes: raw outputs differ by the rounding of their kernels, and hardly a read does."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.vision.closeup import MODEL_NAME, window_around
from anpr_edge.vision.detector import TfliteDetector, fit
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.rectify import rectify, stretch_contrast
from anpr_edge.vision.tflite import Runtime, TfliteModel
from tests import shipped_models
from tests.replay.clip import road, sight

MEAN_DIFFERENCE_LSB = 2.0
"""Source: our own measurement. Their kernels round differently, and that adds up: recogniser 0.2 on
average and 2 at most over 150 crops, detector 0.5 to 1.3 on average, 1.5 in the worst of 67 scenes. What
comes of it: 87 of 90 plates found by both, boxes at IoU 0.98 (least 0.91), one text in fifty different."""


def picture_for(model: TfliteModel, seed: int) -> NDArray[np.int8]:
    """Part of a rendered road, a window around its plate, or the plate alone, as the model wants it."""
    if model.card.task == "plate-recogniser":
        return stretch_contrast(rectify(sight().pixels, sight().quad, model.input_shape))
    if model.card.name == MODEL_NAME:
        left, top, right, bottom = window_around(sight().quad.box, *sight().pixels.shape[::-1])
        return fit(sight().pixels[top:bottom, left:right], model.input_shape).picture
    source = road(seed)
    return fit(source.render(source.truth[0].last_frame - 3), model.input_shape).picture


def both(name: str) -> tuple[TfliteModel, TfliteModel]:
    """One model in both runtimes."""
    shipped_models.need_tflite_runtime()
    litert, fallback = (
        TfliteModel.load(shipped_models.DIRECTORY, name, runtime=runtime) for runtime in get_args(Runtime)
    )
    assert (litert.runtime, fallback.runtime) == ("litert", "tflite")
    return litert, fallback


@pytest.mark.parametrize(
    ("name", "seed"), [("detector", 1), ("detector", 2), ("detector", 3), ("closeup", 1), ("recogniser", 1)]
)
def test_the_raw_outputs_agree(name: str, seed: int) -> None:
    litert, fallback = both(name)
    picture = picture_for(litert, seed)
    for one, other in zip(litert.run_int8(picture), fallback.run_int8(picture), strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).mean() <= MEAN_DIFFERENCE_LSB


def test_the_same_plates_are_found() -> None:
    litert, fallback = (TfliteDetector(model) for model in both("detector"))
    (one,), (other,) = litert.detect(sight().pixels), fallback.detect(sight().pixels)
    assert one.box.iou(other.box) > 0.85
    assert one.score == pytest.approx(other.score, abs=0.1)


def test_the_text_is_the_same() -> None:
    litert, fallback = (TfliteRecogniser(model) for model in both("recogniser"))
    one = litert.recognise(sight().pixels, sight().quad)
    other = fallback.recognise(sight().pixels, sight().quad)
    assert one is not None
    assert other is not None
    assert one.text == other.text
    assert one.score == pytest.approx(other.score, abs=0.2)
