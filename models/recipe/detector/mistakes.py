"""Where a trained detector is wrong on composed frames: what its second look must learn to tell apart."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np
import torch

from anpr_edge.vision.decode import decode
from models.recipe.detector.batches import as_input
from models.recipe.detector.frames import Floats, LabelledFrame, load_shard, shard_paths
from models.recipe.detector.network import DetectorNet
from models.recipe.detector.scoring import ious

LOWEST_SCORE: Final = 0.2
FALSE_BELOW_IOU: Final = 0.2
BATCH: Final = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `mine-detector`."""
    parser.add_argument(
        "shards", type=Path, help="folder of rendered shards; <shard>.finds.npy goes beside each"
    )
    parser.add_argument("weights", type=Path, help="averaged weights of a trained detector (.npz)")
    parser.add_argument("--newest", type=int, default=20, help="look at so many of the newest shards")


def run(args: argparse.Namespace) -> int:
    """Write, for each shard, float32 (n, 5): the frame's number and the box of each wrong find."""
    network = DetectorNet.restored(args.weights)
    torch.set_num_threads(1)
    newest = sorted(shard_paths(args.shards), key=lambda path: path.stat().st_mtime)[-args.newest :]
    for path in newest:
        shard = load_shard(path)
        frames = [shard.frame(index) for index in range(len(shard))]
        finds = _wrong_finds(network, frames)
        np.save(path.with_suffix(".finds.npy"), finds)
        print(f"{path.name}: {len(finds)} wrong finds", file=sys.stderr, flush=True)
    return 0


@torch.no_grad()
def _wrong_finds(network: DetectorNet, frames: list[LabelledFrame]) -> Floats:
    rows: list[list[float]] = []
    for start in range(0, len(frames), BATCH):
        some = frames[start : start + BATCH]
        maps = network(as_input([frame.pixels for frame in some]))
        grids = [part.permute(0, 2, 3, 1).numpy() for part in maps]
        for index, frame in enumerate(some):
            heat, offset, size, corners = (grid[index] for grid in grids)
            found = decode(heat, offset, size, corners, LOWEST_SCORE)
            known = np.concatenate([frame.boxes, frame.ignored])
            overlap = ious(found.boxes, known).max(axis=1, initial=0)
            wrong = found.boxes[overlap < FALSE_BELOW_IOU] if frame.complete else found.boxes[:0]
            rows += [[start + index, *box.tolist()] for box in wrong]
    return np.array(rows, np.float32).reshape(-1, 5)
