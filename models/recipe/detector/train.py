"""Train the detector from rendered shards for a given number of minutes; stop and go on at any time."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from models.recipe.data import load_collection
from models.recipe.detector.batches import CloseUpPool, FramePool, as_input, augment
from models.recipe.detector.closeups import plain_close_ups
from models.recipe.detector.compose import plain_frame
from models.recipe.detector.frames import LabelledFrame
from models.recipe.detector.loss import losses
from models.recipe.detector.network import DetectorNet
from models.recipe.detector.pictures import training_pictures
from models.recipe.detector.scoring import Score, score
from models.recipe.detector.targets import encode

PEAK_RATE: Final = 2.5e-3
WARM_UP_STEPS: Final = 200
EMA_DECAY: Final = 0.997
WEIGHT_DECAY: Final = 5e-4
GRADIENT_LIMIT: Final = 10.0
CHECKPOINT_EVERY_S: Final = 150.0
VALIDATE_EVERY_CHECKPOINTS: Final = 3
SHOW_EVERY_STEPS: Final = 50
CLOSE_UP_SHARDS: Final = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `train-detector`."""
    parser.add_argument(
        "shards", type=Path, help="folder of rendered shards; new ones are taken up as they come"
    )
    parser.add_argument(
        "checkpoint", type=Path, help="written every 150 s; if it exists, training goes on from it"
    )
    parser.add_argument(
        "--minutes", type=float, default=90.0, help="whole training time, earlier parts included"
    )
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--bfloat16", action="store_true", help="half as long where the processor has AMX, longer elsewhere"
    )
    parser.add_argument("--close-up", action="store_true", help="train the second look instead")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="highest learning rate")
    parser.add_argument(
        "--weights", type=Path, help="begin from the averaged weights another run left (.npz)"
    )


@dataclass
class Progress:
    """Everything that training goes on from."""

    model: DetectorNet
    optimiser: torch.optim.Optimizer
    average: dict[str, torch.Tensor]
    elapsed_s: float = 0.0
    step: int = 0
    recent: deque[list[float]] = field(default_factory=lambda: deque(maxlen=SHOW_EVERY_STEPS))

    @classmethod
    def start(cls) -> Progress:
        """A fresh network."""
        model = DetectorNet().to(memory_format=torch.channels_last)
        heavy = [weight for weight in model.parameters() if weight.ndim > 1]
        light = [weight for weight in model.parameters() if weight.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": heavy, "weight_decay": WEIGHT_DECAY},
            {"params": light, "weight_decay": 0.0},
        ]
        average = {name: value.clone() for name, value in model.state_dict().items()}
        return cls(model, torch.optim.AdamW(groups, PEAK_RATE), average)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        stored = torch.load(path, weights_only=True)
        self.model.load_state_dict(stored["model"])
        self.optimiser.load_state_dict(stored["optimiser"])
        self.average, self.elapsed_s, self.step = stored["average"], stored["elapsed_s"], stored["step"]

    def begin_from(self, path: Path) -> None:
        """Take over another run's averaged weights, nothing else."""
        with np.load(path) as stored:
            self.average = {name: torch.from_numpy(stored[name]) for name in stored.files}
        self.model.load_state_dict(self.average)

    def save(self, path: Path) -> None:
        """Write a checkpoint by atomic replace, and the averaged weights alone beside it as .npz."""
        partial = path.with_suffix(".partial")
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        state |= {"average": self.average, "elapsed_s": self.elapsed_s, "step": self.step}
        torch.save(state, partial)
        partial.replace(path)
        weights = {name: value.numpy() for name, value in self.average.items()}
        np.savez(path.with_suffix(".npz"), **weights)

    def average_in(self) -> None:
        """Move the running average of the weights towards the present ones."""
        decay = min(EMA_DECAY, 1 - 10 / (self.step + 10))
        for name, value in self.model.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].mul_(decay).add_(value, alpha=1 - decay)
            else:
                self.average[name].copy_(value)


def learning_rate(step: int, share_done: float, peak: float) -> float:
    """Warm up over the first steps of a fresh network, then half a cosine of the time budget."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    return peak * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share_done, 1.0))))


def run(args: argparse.Namespace) -> int:
    """Train until the time is used up, writing checkpoints and validation figures to stderr."""
    torch.set_num_threads(args.threads)
    progress = Progress.start()
    if args.checkpoint.exists():
        progress.load(args.checkpoint)
    elif args.weights:
        progress.begin_from(args.weights)
    torch.manual_seed(args.seed + progress.step)
    rng = np.random.default_rng((args.seed, progress.step))
    pool = CloseUpPool(args.shards, CLOSE_UP_SHARDS) if args.close_up else FramePool(args.shards)
    held_out = _held_out_windows() if args.close_up else _held_out()
    resumed_at, started, saved, checkpoints = progress.elapsed_s, time.monotonic(), time.monotonic(), 0
    progress.model.train()
    while progress.elapsed_s < args.minutes * 60:
        rate = learning_rate(progress.step, progress.elapsed_s / (args.minutes * 60), args.rate)
        for group in progress.optimiser.param_groups:
            group["lr"] = rate
        _step(progress, augment(rng, pool.draw(rng, args.batch)), bfloat16=args.bfloat16)
        progress.elapsed_s = resumed_at + time.monotonic() - started
        if progress.step % SHOW_EVERY_STEPS == 0:
            parts = " ".join(f"{value:.3f}" for value in np.mean(progress.recent, axis=0))
            _say(f"{progress.elapsed_s / 60:.1f} min step {progress.step} rate {rate:.1e} losses {parts}")
        if time.monotonic() - saved > CHECKPOINT_EVERY_S:
            saved, checkpoints = time.monotonic(), checkpoints + 1
            progress.save(args.checkpoint)
            pool.look_for_shards()
            if checkpoints % VALIDATE_EVERY_CHECKPOINTS == 0:
                _say(f"  {len(pool)} frames; validation: {validate(progress, held_out)}")
    progress.save(args.checkpoint)
    _say(f"  validation: {validate(progress, held_out)}")
    return 0


def _held_out() -> list[LabelledFrame]:
    scenes, empty = training_pictures(load_collection(), "validation")
    return [plain_frame(picture) for picture in (*scenes, *empty)]


def _held_out_windows() -> list[LabelledFrame]:
    """What a second look sees of every plate whose corners are known, if the first look is right."""
    scenes, _ = training_pictures(load_collection(), "validation")
    return [frame for picture in scenes for frame in plain_close_ups(picture)]


def _step(progress: Progress, frames: list[LabelledFrame], *, bfloat16: bool) -> None:
    complete = torch.tensor([float(frame.complete) for frame in frames])
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        maps = progress.model(as_input([frame.pixels for frame in frames]))
    parts = losses(maps, encode(frames), complete)
    progress.optimiser.zero_grad(set_to_none=True)
    parts.total().backward()
    torch.nn.utils.clip_grad_norm_(progress.model.parameters(), GRADIENT_LIMIT)
    progress.optimiser.step()
    progress.step += 1
    progress.recent.append(parts.values())
    progress.average_in()


@torch.no_grad()
def validate(progress: Progress, frames: list[LabelledFrame]) -> Score:
    """How the averaged weights do on held-out real pictures."""
    model = DetectorNet()
    model.load_state_dict(progress.average)
    model.eval()
    answers = []
    for start in range(0, len(frames), 16):
        maps = model(as_input([frame.pixels for frame in frames[start : start + 16]]))
        grids = [part.permute(0, 2, 3, 1).numpy() for part in maps]
        answers += list(zip(*grids, strict=True))
    return score(answers, frames)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
