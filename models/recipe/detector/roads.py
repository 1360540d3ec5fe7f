"""Pictures of the rendered night road, with corners known exactly."""

from __future__ import annotations

from typing import Final

import numpy as np

from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.records import Instant
from models.recipe.detector.pictures import Picture, boxes_of_quads

FIRST_SEED: Final = 10_000
"""Clips below this number belong to the demo and the tests."""
VEHICLES: Final = 6
PICTURES_A_CLIP: Final = 12
_SIZES: Final = ((1280, 720), (1280, 720), (1456, 1088), (640, 480))


class NoClock:
    """Time stands still: frames get their times from their numbers."""

    def now(self) -> Instant:
        """Always the beginning."""
        return Instant(0, 0)

    def sleep(self, seconds: float) -> None:
        """Nothing waits."""
        del seconds


def road_pictures(seed: int, clips: int) -> list[Picture]:
    """Frames of `clips` rendered clips; another `seed` gives other vehicles."""
    pictures: list[Picture] = []
    for number in range(clips):
        clip_seed = FIRST_SEED + 1000 * seed + number
        rng = np.random.default_rng(clip_seed)
        width, height = _SIZES[rng.integers(len(_SIZES))]
        road = SyntheticRoad(
            NoClock(), width=width, height=height, vehicles=VEHICLES, seed=clip_seed, paced=False
        )
        frames = rng.choice(road.frame_count, min(PICTURES_A_CLIP, road.frame_count), replace=False)
        pictures += [_picture(road, int(seq)) for seq in frames]
    return pictures


def _picture(road: SyntheticRoad, seq: int) -> Picture:
    """One frame; plates that enter or leave it are not labelled, so it does not count as complete."""
    quads = np.array([quad.points for quad, _ in road.truth_at(seq)], np.float32).reshape(-1, 4, 2)
    boxes = boxes_of_quads(quads) if len(quads) else np.zeros((0, 4), np.float32)
    return Picture(road.render(seq), boxes, quads, False, "rendered road")
