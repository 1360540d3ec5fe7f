"""Batches for the recogniser: a fixed mixture of kinds of examples, changed a little each time."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from models.recipe.ocr.shards import Shard, load_shard, shard_paths

MIXTURE: Final = {"made-up": 0.47, "distant": 0.14, "real": 0.15, "spliced": 0.20, "blank": 0.04}
"""Share of each kind in a batch; the share of a kind without shards goes to the others."""

REACH_X_PX: Final = 3
REACH_Y_PX: Final = 2
"""Farthest a patch is shifted when it is shown again."""


class BatchMaker:
    """Keeps every shard of a folder in memory and draws batches from them."""

    def __init__(self, folder: Path, rng: np.random.Generator) -> None:
        self._folder = folder
        self._rng = rng
        self._seen: list[Path] = []
        self._shards: dict[str, list[Shard]] = defaultdict(list)
        self.look_for_shards()
        if not self._shards:
            raise FileNotFoundError(f"{folder}: no shards; run render-ocr first")

    def look_for_shards(self) -> None:
        """Take up shards that have appeared since the last look."""
        for path in shard_paths(self._folder, self._seen):
            shard = load_shard(path)
            self._shards[shard.kind].append(shard)
            self._seen.append(path)

    def next(self, size: int) -> tuple[npt.NDArray[np.uint8], list[str]]:
        """``uint8 (size, 40, 144)`` and the texts."""
        kinds = [kind for kind in MIXTURE if self._shards[kind]]
        odds = np.array([MIXTURE[kind] for kind in kinds])
        drawn = self._rng.choice(len(kinds), size, p=odds / odds.sum())
        pixels, texts = [], []
        for kind in (kinds[number] for number in drawn):
            shard = self._shards[kind][int(self._rng.integers(len(self._shards[kind])))]
            index = int(self._rng.integers(len(shard.texts)))
            pixels.append(shard.pixels[index])
            texts.append(shard.texts[index])
        return jitter(self._rng, np.stack(pixels)), texts


def jitter(rng: np.random.Generator, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Small shifts, brightness, contrast, inversion and occlusion, each patch on its own; same shape."""
    count, height, width = pixels.shape
    roomy = np.pad(pixels, ((0, 0), (REACH_Y_PX, REACH_Y_PX), (REACH_X_PX, REACH_X_PX)), "edge")
    changed = np.empty(pixels.shape, np.float32)
    for index in range(count):
        y, x = rng.integers(0, 2 * REACH_Y_PX + 1), rng.integers(0, 2 * REACH_X_PX + 1)
        changed[index] = roomy[index, y : y + height, x : x + width]
    gain = rng.uniform(0.8, 1.15, (count, 1, 1)).astype(np.float32)
    changed = changed * gain + rng.uniform(-20, 20, (count, 1, 1)).astype(np.float32)
    upside_down = rng.random(count) < 0.04
    changed[upside_down] = 255 - changed[upside_down]
    for index in np.flatnonzero(rng.random(count) < 0.12):
        wide, high = rng.integers(4, 14), rng.integers(4, 18)
        x, y = rng.integers(0, width - wide), rng.integers(0, height - high)
        changed[index, y : y + high, x : x + wide] = rng.uniform(0, 255)
    return np.clip(changed, 0, 255).astype(np.uint8)


def normalise(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """``uint8`` → ``float32`` in −1..1, as the quantised input ``pixel − 128`` at scale 1/128 means it."""
    return (pixels.astype(np.float32) - np.float32(128)) / np.float32(128)
