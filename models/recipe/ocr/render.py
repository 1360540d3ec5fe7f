"""Render examples for the recogniser: made-up plates, real ones roughened or spliced, patches without one."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from models.recipe.ocr.real import blank_drawer, real_drawer
from models.recipe.ocr.shards import KINDS, save_shard
from models.recipe.ocr.splicing import spliced_drawer
from models.recipe.synthesis.crops import Sample, distant_crop, random_crop

Draw = Callable[[np.random.Generator], Sample]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``render-ocr``."""
    parser.add_argument("folder", type=Path, help="where the shards go; existing ones are kept")
    parser.add_argument("--kind", choices=KINDS, default="made-up")
    parser.add_argument("--shards", type=int, default=10, help="how many files to have in the end")
    parser.add_argument("--first", type=int, default=0, help="number of the first one (to share work)")
    parser.add_argument("--step", type=int, default=1, help="render every n-th shard (to share work)")
    parser.add_argument("--crops", type=int, default=20_000, help="examples in a shard")
    parser.add_argument("--two-row-share", type=float, default=0.22, help="of plates whose form allows it")


def run(args: argparse.Namespace) -> int:
    """Render the shards that are missing; each is the same whenever it is rendered."""
    cv2.setNumThreads(1)
    args.folder.mkdir(parents=True, exist_ok=True)
    draw = _drawer(args.kind, args.two_row_share)
    for number in range(args.first, args.first + args.shards * args.step, args.step):
        path = args.folder / f"{args.kind}-{number:04d}.npz"
        if path.exists():
            continue
        started = time.monotonic()
        rng = np.random.default_rng((KINDS.index(args.kind), number))
        save_shard(path, [draw(rng) for _ in range(args.crops)], args.kind)
        print(f"{path.name}: {args.crops} examples in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


def _drawer(kind: str, two_row_share: float) -> Draw:
    if kind == "blank":
        return blank_drawer()
    if kind == "real":
        return real_drawer()
    if kind == "spliced":
        return spliced_drawer()
    if kind == "distant":
        return distant_crop
    return partial(random_crop, two_row_share=two_row_share)
