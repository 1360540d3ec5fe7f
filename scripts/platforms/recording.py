"""A rendered clip, every step of reading it, and what was read: made on one machine, taken to another."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.devices.clock import SystemClock
from anpr_edge.pipeline import PlateReader
from anpr_edge.records import Frame, Instant, PlateRead
from anpr_edge.seal.wire_values import to_probability
from anpr_edge.vision.closeup import load_detector
from anpr_edge.vision.motion import MotionGate
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.tflite import TfliteModel
from scripts.platforms.stages import Array, Stages, Step

FRAME_NS = 33_333_333
EVERY_FRAMES = 2
"""Of so many frames one is drawn again and taken apart step by step; the reads are those of all."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What one machine made of a clip; `frames` uint8 (n, height, width)."""

    machine: str
    frames: NDArray[np.uint8]
    steps: list[Step]
    reads: list[dict[str, Any]]

    def save(self, path: Path) -> None:
        """Write it, arrays and all."""
        arrays: dict[str, Array] = {"frames": self.frames}
        index = []
        for number, step in enumerate(self.steps):
            for kind, group in (("in", step.inputs), ("out", step.outputs)):
                arrays |= {f"{number}-{kind}-{place}": array for place, array in enumerate(group)}
            index.append((step.stage, len(step.inputs), len(step.outputs)))
        about = json.dumps({"machine": self.machine, "steps": index, "reads": self.reads})
        with path.open("wb") as file:
            np.savez(file, about=np.array(about), **arrays)

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read one that `save` wrote."""
        with np.load(path) as arrays:
            about = json.loads(str(arrays["about"]))
            steps = [
                Step(
                    stage,
                    tuple(arrays[f"{number}-in-{place}"] for place in range(taken)),
                    tuple(arrays[f"{number}-out-{place}"] for place in range(given)),
                )
                for number, (stage, taken, given) in enumerate(about["steps"])
            ]
            return cls(about["machine"], arrays["frames"], steps, about["reads"])


def record(models: Path, vehicles: int, seed: int) -> Recording:
    """Render a clip and read it."""
    cv2.setNumThreads(1)
    frames = np.stack([pixels for _, pixels in render(vehicles, seed)])
    stages = Stages(models)
    steps = [step for pixels in frames[::EVERY_FRAMES] for step in stages.walk(pixels)]
    return Recording(machine(stages), frames, steps, list(read(models, frames)))


def render(vehicles: int, seed: int, every: int = 1) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The clip's frames, or one of `every` so many, as this machine draws them, with their numbers."""
    road = SyntheticRoad(SystemClock(), vehicles=vehicles, seed=seed, paced=False)
    for number in range(0, road.frame_count, every):
        yield number, road.render(number)


def read(models: Path, frames: NDArray[np.uint8]) -> Iterator[dict[str, Any]]:
    """What a unit reads in these frames, in the order it is given."""
    recogniser = TfliteRecogniser(TfliteModel.load(models, "recogniser"))
    plates = PlateReader(load_detector(models), recogniser, gate=MotionGate())
    for number, pixels in enumerate(frames):
        frame = Frame(number, Instant(number * FRAME_NS, number * FRAME_NS), pixels)
        yield from map(_noted, plates.step(frame))
    yield from map(_noted, plates.finish())


def _noted(read: PlateRead) -> dict[str, Any]:
    """What leaves the unit, in the steps in which it is sealed."""
    return {
        "text": read.plate_text,
        "confidence": to_probability(read.confidence),
        "char_confidences": [to_probability(one) for one in read.char_confidences],
        "alternatives": [[one.text, to_probability(one.confidence)] for one in read.alternatives],
        "frames": [read.first.mono_ns // FRAME_NS, read.last.mono_ns // FRAME_NS, read.frames_used],
        "direction": read.direction,
    }


def machine(stages: Stages) -> str:
    """What computes here, in a line."""
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, OpenCV {cv2.__version__}"
    return f"{platform.machine()}, {versions}, {stages.runtime}"
