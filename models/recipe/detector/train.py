"""Train the detector, or the second look, from rendered shards; stop and go on at any time."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Final

import numpy as np
import torch

from anpr_edge.cli.numbers import between
from models.recipe import training
from models.recipe.data import load_collection
from models.recipe.detector.batches import as_input, augment, pool_of
from models.recipe.detector.closeups import plain_close_ups
from models.recipe.detector.compose import plain_frame
from models.recipe.detector.frames import LabelledFrame
from models.recipe.detector.loss import Maps, distances, losses
from models.recipe.detector.network import DetectorNet
from models.recipe.detector.pictures import training_pictures
from models.recipe.detector.scoring import Score, score
from models.recipe.detector.targets import encode

PACE: Final = training.Pace(peak_rate=2.5e-3, warm_up_steps=200, average_decay=0.997, gradient_limit=10.0)
VALIDATE_EVERY_CHECKPOINTS: Final = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `train-detector`."""
    training.add_arguments(parser, batch=32, peak_rate=PACE.peak_rate)
    parser.add_argument("--close-up", action="store_true", help="train the second look instead")
    parser.add_argument(
        "--turned",
        type=between(0, 1),
        default=0.0,
        metavar="SHARE",
        help="of frames with known corners, for the first look, to turn as on a camera askew (%(default)s)",
    )
    training.add_bfloat16(parser)
    training.add_teacher(parser)


def run(args: argparse.Namespace) -> int:
    """Train until the time is used up, writing checkpoints and validation figures to stderr."""
    if args.turned and args.close_up:
        print("--turned is for the first look: windows of the second lean already", file=sys.stderr)
        return 1
    progress = training.begin(args, replace(PACE, peak_rate=args.rate), DetectorNet, DetectorNet.restored)
    teacher = DetectorNet.restored(args.teacher) if args.teacher else None
    rng = np.random.default_rng((args.seed, progress.step))
    pool = pool_of(args.shards, close_up=args.close_up, turned=args.turned)
    held_out = _held_out_windows() if args.close_up else _held_out()

    def one_batch() -> list[torch.Tensor]:
        frames = augment(rng, pool.draw(rng, args.batch))
        complete = torch.tensor([float(frame.complete) for frame in frames])
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bfloat16):
            shown = as_input([frame.pixels for frame in frames])
            maps = progress.model(shown)
            taught = distances(maps, _answered(teacher, shown)) if teacher else []
        return [*losses(maps, encode(frames), complete).parts(), *taught]

    def at_checkpoint(number: int) -> str | None:
        pool.look_for_shards()
        if number % VALIDATE_EVERY_CHECKPOINTS:
            return None
        return f"  {len(pool)} frames; validation: {validate(progress.average, held_out)}"

    training.train(args, progress, one_batch, at_checkpoint)
    return 0


@torch.no_grad()
def _answered(network: DetectorNet, pictures: torch.Tensor) -> Maps:
    maps: Maps = network(pictures)
    return maps


def _held_out() -> list[LabelledFrame]:
    scenes, empty = training_pictures(load_collection(), "validation")
    return [plain_frame(picture) for picture in (*scenes, *empty)]


def _held_out_windows() -> list[LabelledFrame]:
    """What a second look sees of every plate whose corners are known, if the first look is right."""
    scenes, _ = training_pictures(load_collection(), "validation")
    return [frame for picture in scenes for frame in plain_close_ups(picture)]


@torch.no_grad()
def validate(weights: dict[str, torch.Tensor], frames: list[LabelledFrame]) -> Score:
    """How a network with these weights does on held-out real pictures."""
    model = DetectorNet.restored(weights)
    answers = []
    for start in range(0, len(frames), 16):
        maps = model(as_input([frame.pixels for frame in frames[start : start + 16]]))
        grids = [part.permute(0, 2, 3, 1).numpy() for part in maps]
        answers += list(zip(*grids, strict=True))
    return score(answers, frames)
