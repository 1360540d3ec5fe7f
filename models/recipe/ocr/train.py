"""Train the recogniser from rendered shards for a given number of minutes; stop and go on at any time."""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from anpr_edge.vision.ctc import greedy, softmax
from models.recipe.data import fold
from models.recipe.ocr.alphabet import SLOTS, encode
from models.recipe.ocr.batches import BatchMaker, normalise
from models.recipe.ocr.network import Recogniser
from models.recipe.ocr.readers import as_text
from models.recipe.ocr.real import RealCrop, crops_of

PEAK_RATE: Final = 3e-3
WARM_UP_STEPS: Final = 300
EMA_DECAY: Final = 0.998
GRADIENT_LIMIT: Final = 5.0
CHECKPOINT_EVERY_S: Final = 150.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``train-ocr``."""
    parser.add_argument(
        "shards", type=Path, help="folder of rendered shards; new ones are taken up as they come"
    )
    parser.add_argument(
        "checkpoint", type=Path, help="written every 150 s; if it exists, training goes on from it"
    )
    parser.add_argument(
        "--minutes", type=float, default=90.0, help="whole training time, earlier parts included"
    )
    parser.add_argument("--start-from", type=Path, help="averaged weights (.npz) of an earlier training")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="highest learning rate")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--bfloat16", action="store_true", help="half as long where the processor has AMX, longer elsewhere"
    )


@dataclass
class Progress:
    """Everything that training goes on from."""

    model: Recogniser
    optimiser: torch.optim.Optimizer
    average: dict[str, torch.Tensor]
    elapsed_s: float = 0.0
    step: int = 0
    losses: list[float] = field(default_factory=list)

    @classmethod
    def start(cls) -> Progress:
        """A fresh network."""
        model = Recogniser().to(memory_format=torch.channels_last)
        heavy = [weight for weight in model.parameters() if weight.ndim > 1]
        light = [weight for weight in model.parameters() if weight.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": heavy, "weight_decay": 5e-4},
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

    def save(self, path: Path) -> None:
        """Write a checkpoint by atomic replace."""
        partial = path.with_suffix(".partial")
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        state |= {"average": self.average, "elapsed_s": self.elapsed_s, "step": self.step}
        torch.save(state, partial)
        partial.replace(path)

    def start_from(self, path: Path) -> None:
        """Begin with averaged weights of an earlier training, its optimiser forgotten."""
        with np.load(path) as stored:
            weights = {name: torch.from_numpy(stored[name]) for name in stored.files}
        self.model.load_state_dict(weights)
        self.average = {name: value.clone() for name, value in weights.items()}

    def save_average(self, path: Path) -> None:
        """Write the averaged weights alone, small enough to be kept with the source."""
        np.savez_compressed(path, **{name: value.numpy() for name, value in self.average.items()})

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
    elif args.start_from:
        progress.start_from(args.start_from)
    torch.manual_seed(args.seed + progress.step)
    batches = BatchMaker(args.shards, np.random.default_rng((args.seed, progress.step)))
    held_out = crops_of("validation")
    resumed_at, started, saved = progress.elapsed_s, time.monotonic(), time.monotonic()
    progress.model.train()
    while progress.elapsed_s < args.minutes * 60:
        rate = learning_rate(progress.step, progress.elapsed_s / (args.minutes * 60), args.rate)
        for group in progress.optimiser.param_groups:
            group["lr"] = rate
        progress.losses.append(_step(progress, *batches.next(args.batch), bfloat16=args.bfloat16))
        progress.elapsed_s = resumed_at + time.monotonic() - started
        if progress.step % 100 == 0:
            _say(
                f"{progress.elapsed_s / 60:.1f} min step {progress.step} rate {rate:.1e} "
                f"loss {np.mean(progress.losses[-100:]):.3f}"
            )
        if time.monotonic() - saved > CHECKPOINT_EVERY_S:
            saved = time.monotonic()
            progress.save(args.checkpoint)
            batches.look_for_shards()
            _say(validate(progress, held_out))
    progress.save(args.checkpoint)
    progress.save_average(args.checkpoint.with_suffix(".average.npz"))
    _say(validate(progress, held_out))
    return 0


def _step(progress: Progress, pixels: npt.NDArray[np.uint8], texts: list[str], *, bfloat16: bool) -> float:
    labels = [encode(text) for text in texts]
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        logits = progress.model(as_input(pixels))
    log_shares = functional.log_softmax(logits.float(), 1).permute(2, 0, 1)
    lengths = torch.tensor([len(label) for label in labels])
    targets = torch.from_numpy(np.concatenate(labels))
    slots = torch.full((len(texts),), SLOTS)
    loss = functional.ctc_loss(log_shares, targets, slots, lengths, zero_infinity=True)
    progress.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(progress.model.parameters(), GRADIENT_LIMIT)
    progress.optimiser.step()
    progress.step += 1
    progress.average_in()
    return float(loss.detach())


def as_input(pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
    """``uint8 (N, 40, 144)`` → the network's input."""
    return torch.from_numpy(normalise(pixels)[:, None]).to(memory_format=torch.channels_last)


@torch.no_grad()
def logits_of(weights: dict[str, torch.Tensor], pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What a network with these weights answers: ``float32 (N, 72, 37)``."""
    model = Recogniser()
    model.load_state_dict(weights)
    model.eval()
    parts = [model(as_input(pixels[start : start + 256])) for start in range(0, len(pixels), 256)]
    answer: npt.NDArray[np.float32] = torch.cat(parts).permute(0, 2, 1).numpy()
    return answer


def validate(progress: Progress, held_out: list[RealCrop]) -> str:
    """Share of held-out real crops read exactly (folded) by the averaged weights, by slice, on one line."""
    logits = logits_of(progress.average, np.stack([crop.patch() for crop in held_out]))
    right: dict[str, list[bool]] = {}
    for crop, answer in zip(held_out, logits, strict=True):
        hit = fold(as_text(greedy(softmax(answer)))[0]) == fold(crop.text)
        for name in ("all", *crop.slices):
            right.setdefault(name, []).append(hit)
    figures = [f"{name} {np.mean(hits):.3f} ({len(hits)})" for name, hits in sorted(right.items())]
    return "  held out: " + ", ".join(figures)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
