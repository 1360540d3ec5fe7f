"""Rendered clips with known truth, for the suites that run the shipped models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.synthetic import Passage, SyntheticRoad
from anpr_edge.pipeline import PlateReader
from anpr_edge.records import Frame, PlateRead, Quad
from anpr_edge.vision.motion import MotionGate
from tests import shipped_models
from tests.fakes import FakeClock


def road(seed: int = 1, vehicles: int = 6) -> SyntheticRoad:
    """A clip at 1280x720 and 30 frames/s, as fast as it can be drawn."""
    return SyntheticRoad(FakeClock(), vehicles=vehicles, seed=seed, paced=False)


def frames(source: SyntheticRoad) -> Iterator[Frame]:
    """Every frame to the end of the clip."""
    while (frame := source.read()) is not None:
        yield frame


@dataclass(frozen=True)
class Sight:
    """One rendered picture with one plate, where it is and what it says."""

    pixels: NDArray[np.uint8]
    quad: Quad
    text: str

    def crop(self) -> NDArray[np.uint8]:
        """The plate cut out with a little around it, as an engineer would."""
        box = self.quad.box
        return self.pixels[round(box.y0) - 2 : round(box.y1) + 2, round(box.x0) - 4 : round(box.x1) + 4]


@cache
def sight() -> Sight:
    """The first vehicle of a clip, shortly before it leaves the picture."""
    source = road(vehicles=1)
    frame_seq = source.truth[0].last_frame - 4
    ((quad, text),) = source.truth_at(frame_seq)
    return Sight(source.render(frame_seq), quad, text)


def reader() -> PlateReader:
    """The pipeline with the shipped models and its own defaults."""
    return PlateReader(shipped_models.detector(), shipped_models.recogniser(), gate=MotionGate())


def read_clip(source: SyntheticRoad) -> tuple[PlateReader, list[PlateRead], tuple[Passage, ...]]:
    """What the pipeline reads from a clip, beside the truth."""
    plates = reader()
    reads = [read for frame in frames(source) for read in plates.step(frame)]
    return plates, [*reads, *plates.finish()], source.truth
