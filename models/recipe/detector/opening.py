"""A cheaper beginning for a trained detector: one layer over patches learns to answer what its first two do.

Everything from the second block on is taken over as it is. Only the new layer and the first block learn, from
what the trained network has after its own first block, in every cell of every frame; `train-detector` then
goes on with the whole.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from models.recipe import training
from models.recipe.detector.batches import as_input, augment, pool_of
from models.recipe.detector.network import DetectorNet, Widths

PACE: Final = training.Pace(peak_rate=5e-3, warm_up_steps=50, average_decay=0.99, gradient_limit=10.0)
LEARNT: Final = ("stem.", "to_eighth.0.")
"""Beginnings of the names of what learns."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `learn-opening`."""
    training.add_arguments(parser, batch=16, peak_rate=PACE.peak_rate)
    training.add_teacher(parser, required=True)
    parser.add_argument("--close-up", action="store_true", help="for the second look instead")
    parser.add_argument("--quarter", type=int, default=Widths().quarter, help="channels of the new layer")


def run(args: argparse.Namespace) -> int:
    """Learn until the time is used up; the checkpoint's averaged weights are a whole detector's."""
    teacher = DetectorNet.restored(args.teacher)
    progress = training.begin(
        args,
        replace(PACE, peak_rate=args.rate),
        lambda: reopened(teacher, args.quarter),
        DetectorNet.restored,
    )
    rng = np.random.default_rng((args.seed, progress.step))
    pool = pool_of(args.shards, close_up=args.close_up)

    def one_batch() -> list[torch.Tensor]:
        shown = as_input([frame.pixels for frame in augment(rng, pool.draw(rng, args.batch))])
        with torch.no_grad():
            wanted = opening(teacher, shown)
        return [functional.mse_loss(opening(progress.model, shown), wanted) / wanted.var()]

    def at_checkpoint(_: int) -> None:
        pool.look_for_shards()

    training.train(args, progress, one_batch, at_checkpoint)
    return 0


def reopened(teacher: DetectorNet, quarter: int) -> DetectorNet:
    """A detector with `quarter` channels at 1/4 reached in one layer, elsewhere the teacher's copy."""
    known = teacher.state_dict()
    model = DetectorNet(replace(Widths.of(known), half=0, quarter=quarter))
    kept = {name: value for name, value in known.items() if not name.startswith(LEARNT)}
    model.load_state_dict({**model.state_dict(), **kept})
    return model


def opening(network: DetectorNet, pictures: torch.Tensor) -> torch.Tensor:
    """What a detector has after its first block: `float32 (N, eighth, H / 8, W / 8)`."""
    answer: torch.Tensor = network.to_eighth[0](network.stem(pictures))
    return answer
