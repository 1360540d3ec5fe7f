"""Render training frames for the detector into shards; start it several times with different seeds."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from models.recipe.data import load_collection
from models.recipe.detector.compose import Sources, random_frame
from models.recipe.detector.frames import save_shard
from models.recipe.detector.pictures import training_pictures
from models.recipe.detector.roads import road_pictures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `render-detector`."""
    parser.add_argument("folder", type=Path, help="where the shards go")
    parser.add_argument("--shards", type=int, default=20, help="how many to render")
    parser.add_argument("--frames", type=int, default=500, help="frames in each")
    parser.add_argument("--clips", type=int, default=60, help="rendered road clips to take pictures from")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    """Render; each shard is whole as soon as it has its name."""
    args.folder.mkdir(parents=True, exist_ok=True)
    roads = road_pictures(args.seed, args.clips)
    sources = Sources(*training_pictures(load_collection(), "train"), roads)
    for number in range(args.shards):
        started = time.monotonic()
        rng = np.random.default_rng((args.seed, number))
        frames = [random_frame(rng, sources) for _ in range(args.frames)]
        path = args.folder / f"frames-{args.seed:03}-{number:03}.npz"
        save_shard(path, frames)
        per_frame_ms = (time.monotonic() - started) * 1e3 / args.frames
        print(f"{path.name}: {args.frames} frames, {per_frame_ms:.0f} ms each", file=sys.stderr, flush=True)
    return 0
