"""Batches for training: frames drawn from the shards that are there, turned, flipped and relit at random."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.recipe.detector.closeups import random_close_up
from models.recipe.detector.frames import LabelledFrame, Shard, load_shard, shard_paths, sort_out
from models.recipe.detector.leaning import leaning

MAX_SHARDS: Final = 80
"""Older shards are dropped beyond this many: 80 of 500 frames are 5.7 GB."""
CLOSE_UP_SHARDS: Final = 40
MAX_TURN_DEG: Final = 28.0
_MIRRORED_CORNERS: Final = [1, 0, 3, 2]


class FramePool:
    """The frames of a folder's shards, all in memory."""

    def __init__(self, folder: Path, at_most: int = MAX_SHARDS, *, turned: float = 0.0) -> None:
        """`turned` is the share of frames to turn, of those whose plates' corners are all known.

        Raises: ValueError when the folder holds no shard.
        """
        self._folder = folder
        self._at_most = at_most
        self._turned = turned
        self._shards: dict[Path, Shard] = {}
        self.look_for_shards()
        if not self._shards:
            raise ValueError(f"{folder}: no shards; render some with render-detector first")

    def __len__(self) -> int:
        return sum(len(shard) for shard in self._shards.values())

    def look_for_shards(self) -> None:
        """Take up shards that came since, newest first when there are too many."""
        newest = sorted(shard_paths(self._folder), key=lambda path: path.stat().st_mtime)[-self._at_most :]
        self._shards = {path: self._shards.get(path) or load_shard(path) for path in newest}

    def draw(self, rng: np.random.Generator, count: int) -> list[LabelledFrame]:
        """`count` frames at random, every frame as likely as any other."""
        shards = list(self._shards.values())
        sizes = np.array([len(shard) for shard in shards], float)
        chosen = (shards[which] for which in rng.choice(len(shards), count, p=sizes / sizes.sum()))
        return [self._perhaps_turned(rng, shard.frame(int(rng.integers(len(shard))))) for shard in chosen]

    def _perhaps_turned(self, rng: np.random.Generator, frame: LabelledFrame) -> LabelledFrame:
        """Without its corners nobody knows a turned plate's box."""
        if np.isnan(frame.quads).any() or rng.random() >= self._turned:
            return frame
        return turned(frame, float(rng.uniform(-MAX_TURN_DEG, MAX_TURN_DEG)), grey=int(rng.integers(256)))


class CloseUpPool(FramePool):
    """Windows for the second look, cut from the frames of a folder's shards."""

    def look_for_shards(self) -> None:
        """Take up shards, and the wrong finds that `mine-detector` left beside them, that came since."""
        super().look_for_shards()
        self._finds = {path: _finds_beside(path) for path in self._shards}

    def draw(self, rng: np.random.Generator, count: int) -> list[LabelledFrame]:
        """`count` windows; wrong finds are looked at where there are any."""
        windows: list[LabelledFrame] = []
        while len(windows) < count:
            path = list(self._shards)[rng.integers(len(self._shards))]
            index = int(rng.integers(len(self._shards[path])))
            finds = self._finds[path]
            beside = finds[finds[:, 0] == index, 1:]
            window = random_close_up(rng, self._shards[path].frame(index), beside)
            if window is not None:
                windows.append(window)
        return windows


def _finds_beside(path: Path) -> NDArray[np.float32]:
    beside = path.with_suffix(".finds.npy")
    found = np.load(beside) if beside.exists() else np.zeros((0, 5))
    return np.asarray(found, np.float32)


def pool_of(folder: Path, *, close_up: bool, turned: float = 0.0) -> FramePool:
    """What a folder of shards has for the first look, a share of it turned, or for the second.

    Raises: ValueError when it holds no shard.
    """
    return CloseUpPool(folder, CLOSE_UP_SHARDS) if close_up else FramePool(folder, turned=turned)


def augment(rng: np.random.Generator, frames: Sequence[LabelledFrame]) -> list[LabelledFrame]:
    """Each frame mirrored every other time, and with another brightness and contrast."""
    return [_relit(rng, mirrored(frame) if rng.random() < 0.5 else frame) for frame in frames]


def turned(frame: LabelledFrame, roll_deg: float, *, grey: int) -> LabelledFrame:
    """The frame turned about its middle; plates that leave it are ignored where they were cut off."""
    height, width = frame.pixels.shape
    leant = leaning(frame, (width / 2, height / 2), roll_deg, grey=grey)
    counted, ignored = sort_out(leant.boxes)
    return LabelledFrame(
        leant.pixels,
        leant.boxes[counted],
        leant.quads[counted],
        np.concatenate([leant.ignored, leant.boxes[ignored]]),
        leant.complete,
    )


def mirrored(frame: LabelledFrame) -> LabelledFrame:
    """The frame with left and right exchanged; corners keep their names as the eye sees them."""
    quads = frame.quads[:, _MIRRORED_CORNERS] * np.array([-1, 1], np.float32)
    width = frame.pixels.shape[1]
    quads = quads + np.array([width, 0], np.float32)
    boxes, ignored = _mirror(frame.boxes, width), _mirror(frame.ignored, width)
    return LabelledFrame(frame.pixels[:, ::-1], boxes, quads, ignored, frame.complete)


def _mirror(boxes: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    flipped = boxes.copy()
    flipped[:, 0], flipped[:, 2] = width - boxes[:, 2], width - boxes[:, 0]
    return flipped


def _relit(rng: np.random.Generator, frame: LabelledFrame) -> LabelledFrame:
    gain, lift = float(rng.uniform(0.6, 1.4)), float(rng.uniform(-35, 35))
    levels = np.clip((np.arange(256) - 128) * gain + 128 + lift, 0, 255).astype(np.uint8)
    pixels = levels[frame.pixels]
    return LabelledFrame(pixels, frame.boxes, frame.quads, frame.ignored, frame.complete)


def as_input(pixels: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    """`uint8 (320, 448)` pictures → the network's input, −1..1."""
    stacked = (np.stack(pixels).astype(np.float32) - 128) / 128
    return torch.from_numpy(stacked[:, np.newaxis]).to(memory_format=torch.channels_last)
