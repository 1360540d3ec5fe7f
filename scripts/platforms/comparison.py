"""The same work done again on this machine, and where and by how much it differs from a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scripts.platforms.recording import EVERY_FRAMES, Recording, machine, read, render
from scripts.platforms.stages import Array, Stages, Step

RENDERING = "rendered frames"
KERNELS = ("detector, int8", "close-up, int8", "recogniser, int8")
"""What the TFLite runtime computes, by other instructions on every processor."""
KERNELS_SHARE, KERNELS_STEPS = 0.9, 6
"""At least this share of the runs gives every bit the same, and no number is further apart than so many of
its 256 steps. Source: our own measurement, x86 and Cortex-A72: docs/platforms.md."""
READS = "reads"


@dataclass(slots=True)
class Outcome:
    """How one stage compares: how many times it was done, and how many of these gave every bit the same.

    `largest` is the largest difference of any number; infinite where shapes or texts differ.
    """

    stage: str
    done: int = 0
    equal: int = 0
    numbers: int = 0
    other: int = 0
    largest: float = 0.0

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.equal == self.done

    @property
    def acceptable(self) -> bool:
        """Whether it is as it must be: all the same, but for what is drawn and what the runtime rounds."""
        if self.stage in KERNELS:
            return self.equal >= KERNELS_SHARE * self.done and self.largest <= KERNELS_STEPS
        return self.same or self.stage == RENDERING

    def add(self, here: Iterable[Array], there: Iterable[Array]) -> None:
        """Take one more pair of outputs into account."""
        self.done += 1
        differs = False
        for one, other in zip(here, there, strict=True):
            differs |= self._differs(one, other)
        self.equal += not differs

    def _differs(self, one: Array, other: Array) -> bool:
        self.numbers += other.size
        if one.shape != other.shape or one.dtype != other.dtype:
            self.other += other.size
            self.largest = np.inf
            return True
        apart = _apart(one, other)
        self.other += int(np.count_nonzero(apart))
        self.largest = max(self.largest, float(apart.max(initial=0.0)))
        return bool(apart.any())


def _apart(one: Array, other: Array) -> NDArray[np.float64]:
    if other.dtype.kind in "US":
        return np.where(one == other, 0.0, np.inf)
    return np.asarray(np.abs(one.astype(np.float64) - other.astype(np.float64)))


def compare(
    recording: Recording,
    models: Path,
    *,
    vehicles: int,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[str, list[Outcome]]:
    """What this machine is, and each stage's outcome, in the order of the work; `say` is told how far it is.

    Every stage gets the recorded inputs, so that a difference is that stage's own.
    """
    cv2.setNumThreads(1)
    stages = Stages(models)
    drawn = Outcome(RENDERING)
    say("rendering")
    for number, pixels in render(vehicles, seed, every=EVERY_FRAMES):
        drawn.add([pixels], [recording.frames[number]])
    say(f"doing {len(recording.steps)} steps again")
    steps = compare_steps(stages, recording.steps)
    say(f"reading {len(recording.frames)} frames")
    reads = compare_reads(list(read(models, recording.frames)), recording.reads)
    return machine(stages), [drawn, *steps, reads]


def compare_steps(stages: Stages, steps: Iterable[Step]) -> list[Outcome]:
    """Each stage's outcome over these steps, in the order in which they first come."""
    outcomes: dict[str, Outcome] = {}
    for step in steps:
        outcome = outcomes.setdefault(step.stage, Outcome(step.stage))
        outcome.add(stages.do(step.stage, *step.inputs), step.outputs)
    return list(outcomes.values())


def compare_reads(here: list[dict[str, Any]], there: list[dict[str, Any]]) -> Outcome:
    """The reads of the same frames: texts, confidences, widths and times, one read a time."""
    outcome = Outcome(READS)
    for number in range(max(len(here), len(there))):
        pair = [list(_numbers(reads[number])) if number < len(reads) else [] for reads in (here, there)]
        if len(pair[0]) == len(pair[1]):
            outcome.add(*pair)
        else:
            outcome.add([np.zeros(1)], [np.zeros(2)])
    return outcome


def _numbers(value: Any) -> Iterator[Array]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    else:
        yield np.array(str(value) if value is None else value)
