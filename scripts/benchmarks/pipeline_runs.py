"""One clip through one contender in a process of its own: its time, its stages, its memory."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from anpr_edge.plates.fusion import Fusion
from anpr_edge.vision.motion import MotionGate
from anpr_edge.vision.tflite import TfliteModel
from anpr_edge.vision.tracker import Tracker
from scripts.benchmarks.peer import Peer
from scripts.benchmarks.pipeline_clips import RawClip
from scripts.benchmarks.process import usage
from scripts.benchmarks.stopwatch import Stopwatch
from scripts.benchmarks.traffic_runs import load_models, make_reader

WARM_UP_FRAMES: Final = 15
PEER_EVERY: Final = 10
"""The peer looks at every tenth frame: it has no memory from frame to frame, and takes ten times as long."""
MODEL: Final = "model "
OURS: Final = "anpr-edge"
PEER: Final = "fast-alpr"


@dataclass(frozen=True, slots=True)
class Steps:
    """What every frame took, by the clock and in processor time of all threads."""

    ms: list[float]
    processor_ms: list[float]

    def figures(self) -> dict[str, Any]:
        """Speed, processor time and memory. Milliseconds a frame are also seconds a thousand frames."""
        processor_ms = float(np.mean(self.processor_ms))
        return {
            "frames": len(self.ms),
            "frames_per_s": round(1e3 * len(self.ms) / sum(self.ms), 1),
            "step_ms": percentiles(self.ms),
            "processor_ms_per_frame": round(processor_ms, 3),
            "peak_mb": _peak_mb(),
        }


def in_own_process(contender: str, clip: RawClip, threads: int, folder: Path) -> dict[str, Any]:
    """Run a contender in a fresh process; `folder` has its models.

    Raises: ModelError, or UsageError when the peer is not there.
    """
    run = run_ours if contender == OURS else run_peer
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(run, clip, threads, folder).result()


def run_ours(clip: RawClip, threads: int, models: Path) -> dict[str, Any]:
    """The pipeline over a whole clip, its stages timed from outside."""
    _warm_up(clip, threads, models)
    detector, recogniser = load_models(models, threads)
    watch, plates = Stopwatch(), make_reader(models, threads)
    steps, reads = Steps([], []), 0
    with ExitStack() as watched:
        for stage, owner in (
            ("gate", MotionGate),
            ("detect", type(detector)),
            ("track", Tracker),
            ("recognise", type(recogniser)),
            ("fuse", Fusion),
        ):
            watched.enter_context(watch.watching(stage, owner))
        watched.enter_context(watch.watching(_model, TfliteModel, "run_int8"))
        for frame in clip.read():
            started, processor = time.perf_counter(), time.process_time()
            reads += len(plates.step(frame))
            steps.processor_ms.append((time.process_time() - processor) * 1e3)
            steps.ms.append((time.perf_counter() - started) * 1e3)
            watch.end_frame()
    reads += len(plates.finish())
    return {**steps.figures(), "reads": reads, "gated": plates.counts.gated, **_stages(watch, len(steps.ms))}


def run_peer(clip: RawClip, threads: int, folder: Path) -> dict[str, Any]:
    """The peer over every tenth frame, from colours as it wants them, one thread whatever `threads` says."""
    del threads
    peer, steps = Peer(folder), Steps([], [])
    for frame in clip.read(PEER_EVERY):
        picture = cv2.cvtColor(frame.pixels, cv2.COLOR_GRAY2BGR)
        started, processor = time.perf_counter(), time.process_time()
        peer.read(picture)
        steps.processor_ms.append((time.process_time() - processor) * 1e3)
        steps.ms.append((time.perf_counter() - started) * 1e3)
    return steps.figures()


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95 and p99."""
    return {f"p{percent}": round(float(np.percentile(values, percent)), 3) for percent in (50, 95, 99)}


def _warm_up(clip: RawClip, threads: int, models: Path) -> None:
    """First runs of a model are slow: memory is laid out, weights are packed."""
    detector, recogniser = load_models(models, threads)
    for frame in clip.read(max(1, clip.frames // WARM_UP_FRAMES)):
        for detection in detector.detect(frame.pixels):
            recogniser.recognise(frame.pixels, detection.quad)


def _model(model: TfliteModel) -> str:
    return MODEL + model.card.name


def _stages(watch: Stopwatch, frames: int) -> dict[str, Any]:
    """Milliseconds of each stage in the frames it ran in, and how often each model ran."""
    both = {
        name: {"share_of_frames": round(len(ms) / frames, 4), **percentiles(ms), "mean": _mean(ms, frames)}
        for name, ms in watch.frames_ms.items()
    }
    runs = {
        name.removeprefix(MODEL): {"runs_per_frame": round(watch.calls[name] / frames, 4), **figures}
        for name, figures in both.items()
        if name.startswith(MODEL)
    }
    return {"stages": {n: f for n, f in both.items() if not n.startswith(MODEL)}, "models": runs}


def _mean(ms: list[float], frames: int) -> float:
    """Milliseconds a frame over all frames, those without the stage too."""
    return round(sum(ms) / frames, 4)


def _peak_mb() -> float:
    used = usage(os.getpid())
    return round(used.peak_mb, 1) if used else float("nan")
