"""Clips through the pipeline, several at a time; every process loads its models once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import cv2

from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.cli.output import progress
from anpr_edge.pipeline import PlateReader
from anpr_edge.records import Frame
from anpr_edge.seams import Detector
from anpr_edge.vision.closeup import load_detector
from anpr_edge.vision.motion import MotionGate
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.tflite import TfliteModel
from scripts.benchmarks.traffic_clips import Clip
from scripts.benchmarks.traffic_judging import Read, Visit, judge


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What one clip gave; `stray` are reads that belong to no vehicle."""

    clip: Clip
    visits: tuple[Visit, ...]
    stray: tuple[Read, ...]
    frames: int
    gated: int


def run_clips(clips: Sequence[Clip], models: Path, jobs: int) -> Iterator[ClipResult]:
    """Every clip's result, in the order of the clips, from `jobs` processes.

    Raises: ModelError when a model is not what its card says.
    """
    load_models(models)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        results = pool.map(run_clip, clips, (models for _ in clips))
        for number, result in enumerate(results, start=1):
            progress(f"clip {number}/{len(clips)}")
            yield result
    progress("")


def run_clip(clip: Clip, models: Path) -> ClipResult:
    """Render one clip, read it and judge the reads."""
    road = clip.road()
    plates = make_reader(models)
    reads = [Read.of(read) for frame in frames(road) for read in plates.step(frame)]
    reads += [Read.of(read) for read in plates.finish()]
    visits, stray = judge(clip.name, clip.seed, road.truth, reads)
    return ClipResult(clip, tuple(visits), tuple(stray), plates.counts.frames, plates.counts.gated)


def make_reader(models: Path, threads: int = 1) -> PlateReader:
    """The pipeline with the shipped models and its own settings, as a unit has them."""
    detector, recogniser = load_models(models, threads)
    return PlateReader(detector, recogniser, gate=MotionGate())


@cache
def load_models(models: Path, threads: int = 1) -> tuple[Detector, TfliteRecogniser]:
    """Detector and recogniser; OpenCV gets as many threads.

    Raises: ModelError when one of them is not what its card says.
    """
    cv2.setNumThreads(threads)
    recogniser = TfliteRecogniser(TfliteModel.load(models, "recogniser", threads))
    return load_detector(models, threads), recogniser


def frames(road: SyntheticRoad) -> Iterable[Frame]:
    """Every frame to the end of the clip."""
    while (frame := road.read()) is not None:
        yield frame
