"""The models in this checkout, loaded once for all suites that run them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import pytest

from anpr_edge.seams import Detector
from anpr_edge.vision.closeup import load_detector
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.tflite import TfliteModel

DIRECTORY = Path(__file__).resolve().parent.parent / "models"


def need_tflite_runtime() -> None:
    """Skip a test of both runtimes where there is only one."""
    pytest.importorskip("tflite_runtime", reason="tflite-runtime has no wheel for Python 3.12 and newer")


@cache
def detector() -> Detector:
    """The detector a unit would run."""
    cv2.setNumThreads(1)
    return load_detector(DIRECTORY)


@cache
def recogniser() -> TfliteRecogniser:
    """The recogniser a unit would run."""
    return TfliteRecogniser(TfliteModel.load(DIRECTORY, "recogniser"))
