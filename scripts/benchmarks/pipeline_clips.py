"""Rendered clips kept in raw files, so that neither the renderer's work nor its memory is the pipeline's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from anpr_edge.capture.render.flow import Flow
from anpr_edge.capture.render.stage import Stage
from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.cli.output import progress
from anpr_edge.records import Frame, Instant
from scripts.benchmarks.traffic_clips import FRAME_RATE, Clip

SEED: Final = 400_000
"""Apart from every seed that accuracy is measured with."""
CLIPS: Final = {
    "empty": Clip("empty", SEED, Stage(Flow(0), least_s=60.0)),
    "light": Clip("light", SEED + 1, Stage(Flow(12, spacing_s=(3.0, 5.0)), least_s=60.0)),
    "dense": Clip("dense", SEED + 2, Stage(Flow(40, spacing_s=(0.3, 0.8)), least_s=60.0)),
    "plate in every frame": Clip("plate in every frame", SEED + 3, Stage(Flow(6, situation="queue"))),
}


@dataclass(frozen=True, slots=True)
class RawClip:
    """Frames of one size, one after the other, without a header: uint8 (height, width) each."""

    path: Path
    width: int
    height: int
    frames: int

    def read(self, every: int = 1) -> Iterator[Frame]:
        """The frames at a camera's 30 a second, or `every` so many of them."""
        size = self.width * self.height
        with self.path.open("rb") as file:
            for seq in range(0, self.frames, every):
                file.seek(seq * size)
                pixels = np.fromfile(file, np.uint8, size).reshape(self.height, self.width)
                at_ns = round(seq * 1e9 / FRAME_RATE)
                yield Frame(seq, Instant(at_ns, at_ns), pixels)


def render(clip: Clip, path: Path, size: tuple[int, int], frames: int) -> RawClip:
    """Render up to `frames` frames into a file, from the first with a plate on if there is one."""
    road = clip.road(*size)
    first = max(0, _first_plate(road))
    last = min(first + frames, road.frame_count)
    with path.open("wb") as file:
        for seq in range(first, last):
            progress(f"rendering {clip.name} {size[0]}x{size[1]}: {seq - first + 1}/{last - first}")
            file.write(road.render(seq).tobytes())
    return RawClip(path, *size, last - first)


def _first_plate(road: SyntheticRoad) -> int:
    return min((passage.first_frame for passage in road.truth), default=0)
