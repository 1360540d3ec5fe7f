"""What every training here shares: its options, its checkpoints, its running average and its loop."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic

import numpy as np
import torch

from models.recipe.weights import Network, Weights

CHECKPOINT_EVERY_S: Final = 150.0
SHOW_EVERY_STEPS: Final = 50
WEIGHT_DECAY: Final = 5e-4


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a network learns, and how slowly its average follows."""

    peak_rate: float
    warm_up_steps: int
    average_decay: float
    gradient_limit: float

    def rate(self, step: int, share_done: float) -> float:
        """Warm up over the first steps, then half a cosine of the time budget."""
        warm = min(1.0, (step + 1) / self.warm_up_steps)
        return self.peak_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share_done, 1.0))))


class Training(Generic[Network]):
    """A network and everything that its training goes on from; `average` is what is exported."""

    def __init__(self, model: Network, pace: Pace) -> None:
        self.model = model.to(memory_format=torch.channels_last)
        self.pace = pace
        self.average = {name: value.clone() for name, value in model.state_dict().items()}
        self.elapsed_s, self.step = 0.0, 0
        self._optimiser = torch.optim.AdamW(_groups(model), pace.peak_rate)

    def go_on_from(self, stored: Mapping[str, Any]) -> None:
        """Take over everything that `save` wrote."""
        self.model.load_state_dict(stored["model"])
        self._optimiser.load_state_dict(stored["optimiser"])
        self.average, self.elapsed_s, self.step = stored["average"], stored["elapsed_s"], stored["step"]

    def save(self, checkpoint: Path) -> None:
        """Write a checkpoint by atomic replace, and the averaged weights alone beside it as .npz."""
        partial = checkpoint.with_suffix(".partial")
        state = {"model": self.model.state_dict(), "optimiser": self._optimiser.state_dict()}
        state |= {"average": self.average, "elapsed_s": self.elapsed_s, "step": self.step}
        torch.save(state, partial)
        partial.replace(checkpoint)
        weights = {name: value.numpy() for name, value in self.average.items()}
        np.savez_compressed(checkpoint.with_suffix(".npz"), **weights)

    def learn(self, loss: torch.Tensor, share_done: float) -> None:
        """One step down a batch's loss, `share_done` of the time budget being used up."""
        for group in self._optimiser.param_groups:
            group["lr"] = self.pace.rate(self.step, share_done)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.pace.gradient_limit)
        self._optimiser.step()
        self.step += 1
        self._average_in()

    def _average_in(self) -> None:
        """Move the running average of the weights towards the present ones."""
        decay = min(self.pace.average_decay, 1 - 10 / (self.step + 10))
        for name, value in self.model.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].mul_(decay).add_(value, alpha=1 - decay)
            else:
                self.average[name].copy_(value)


def _groups(model: torch.nn.Module) -> list[dict[str, Any]]:
    """The weights of convolutions decay; biases and norms do not."""
    heavy = [weight for weight in model.parameters() if weight.ndim > 1]
    light = [weight for weight in model.parameters() if weight.ndim <= 1]
    return [{"params": heavy, "weight_decay": WEIGHT_DECAY}, {"params": light, "weight_decay": 0.0}]


def add_arguments(parser: argparse.ArgumentParser, *, batch: int, peak_rate: float) -> None:
    """The options that every training has; `batch` and `peak_rate` are its defaults."""
    parser.add_argument(
        "shards", type=Path, help="folder of rendered shards; new ones are taken up as they come"
    )
    parser.add_argument(
        "checkpoint", type=Path, help="written every 150 s; if it exists, training goes on from it"
    )
    parser.add_argument(
        "--minutes", type=float, default=90.0, help="whole training time, earlier parts included"
    )
    parser.add_argument(
        "--weights", type=Path, help="begin from the averaged weights another run left (.npz)"
    )
    parser.add_argument("--rate", type=float, default=peak_rate, help="highest learning rate")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)


def add_bfloat16(parser: argparse.ArgumentParser) -> None:
    """The option of trainings whose network may compute in bfloat16."""
    parser.add_argument(
        "--bfloat16", action="store_true", help="half as long where the processor has AMX, longer elsewhere"
    )


def add_teacher(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """The option of trainings that can learn from another network."""
    parser.add_argument(
        "--teacher", type=Path, required=required, help="averaged weights (.npz) of a network to learn from"
    )


def begin(
    args: argparse.Namespace,
    pace: Pace,
    fresh: Callable[[], Network],
    restored: Callable[[Weights | Path], Network],
) -> Training[Network]:
    """The training that the options ask for: gone on with, begun from other weights, or of a `fresh` network.

    `restored` gives a network of the shapes that some weights have, with them in it.
    """
    torch.set_num_threads(args.threads)
    if args.checkpoint.exists():
        stored = torch.load(args.checkpoint, weights_only=True)
        training = Training(restored(stored["average"]), pace)
        training.go_on_from(stored)
    else:
        training = Training(restored(args.weights) if args.weights else fresh(), pace)
    torch.manual_seed(args.seed + training.step)
    training.model.train()
    return training


def train(
    args: argparse.Namespace,
    training: Training[Network],
    losses: Callable[[], list[torch.Tensor]],
    at_checkpoint: Callable[[int], str | None],
) -> None:
    """Learn until the time is used up; what there is to say goes to stderr.

    `losses` draws a batch and gives the parts of its loss, scalars that are summed. `at_checkpoint` is
    called after every checkpoint with its number, and its answer shown; 0 is the last one.
    """
    budget_s, earlier_s, started = args.minutes * 60, training.elapsed_s, time.monotonic()
    saved, checkpoints, recent = started, 0, list[list[float]]()
    while training.elapsed_s < budget_s:
        parts = losses()
        training.learn(torch.stack(parts).sum(), training.elapsed_s / budget_s)
        training.elapsed_s = earlier_s + time.monotonic() - started
        recent.append([float(part.detach()) for part in parts])
        if training.step % SHOW_EVERY_STEPS == 0:
            means = " ".join(f"{value:.3f}" for value in np.mean(recent, axis=0))
            _say(f"{training.elapsed_s / 60:.1f} min step {training.step} losses {means}")
            recent.clear()
        if time.monotonic() - saved > CHECKPOINT_EVERY_S:
            saved, checkpoints = time.monotonic(), checkpoints + 1
            training.save(args.checkpoint)
            _say(at_checkpoint(checkpoints))
    training.save(args.checkpoint)
    _say(at_checkpoint(0))


def _say(line: str | None) -> None:
    if line:
        print(line, file=sys.stderr, flush=True)
