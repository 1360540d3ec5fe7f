"""Train the recogniser from rendered shards; stop and go on at any time."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from anpr_edge.plates.syntax import fold
from anpr_edge.vision.ctc import greedy, softmax
from models.recipe import training
from models.recipe.ocr.alphabet import SLOTS, encode
from models.recipe.ocr.batches import BatchMaker, normalise
from models.recipe.ocr.network import Recogniser
from models.recipe.ocr.readers import as_text
from models.recipe.ocr.real import RealCrop, crops_of

PACE: Final = training.Pace(peak_rate=3e-3, warm_up_steps=300, average_decay=0.998, gradient_limit=5.0)

SOFTENED: Final = 2.0
"""Temperature at which a teacher's answer is compared: what it half believes counts too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `train-ocr`."""
    training.add_arguments(parser, batch=128, peak_rate=PACE.peak_rate)
    training.add_bfloat16(parser)
    training.add_teacher(parser)


def run(args: argparse.Namespace) -> int:
    """Train until the time is used up, writing checkpoints and validation figures to stderr."""
    teacher = Recogniser.restored(args.teacher) if args.teacher else None
    progress = training.begin(args, replace(PACE, peak_rate=args.rate), Recogniser, Recogniser.restored)
    batches = BatchMaker(args.shards, np.random.default_rng((args.seed, progress.step)))
    held_out = crops_of("validation")

    def one_batch() -> list[torch.Tensor]:
        pixels, texts = batches.next(args.batch)
        shown = as_input(pixels)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bfloat16):
            logits = progress.model(shown).float()
        taught = [distance(logits, _answered(teacher, shown), texts)] if teacher else []
        return [ctc_loss(logits, texts), *taught]

    def at_checkpoint(_: int) -> str:
        batches.look_for_shards()
        return validate(progress.average, held_out)

    training.train(args, progress, one_batch, at_checkpoint)
    return 0


def ctc_loss(logits: torch.Tensor, texts: list[str]) -> torch.Tensor:
    """How far ``float (N, 37, 72)`` logits are from the texts, as one number."""
    labels = [encode(text) for text in texts]
    log_shares = functional.log_softmax(logits, 1).permute(2, 0, 1)
    lengths = torch.tensor([len(label) for label in labels])
    targets = torch.from_numpy(np.concatenate(labels))
    slots = torch.full((len(texts),), SLOTS)
    return functional.ctc_loss(log_shares, targets, slots, lengths, zero_infinity=True)


def distance(logits: torch.Tensor, teacher: torch.Tensor, texts: list[str]) -> torch.Tensor:
    """How far ``float (N, 37, 72)`` logits are from a teacher's, a character of the texts, as one number.

    Source: Hinton et al., Distilling the Knowledge in a Neural Network, arXiv:1503.02531, section 2.
    """
    ours, theirs = (functional.log_softmax(part / SOFTENED, 1) for part in (logits, teacher))
    apart = functional.kl_div(ours, theirs, reduction="sum", log_target=True)
    return apart * SOFTENED**2 / sum(map(len, texts))


@torch.no_grad()
def _answered(network: Recogniser, patches: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = network(patches)
    return logits


def as_input(pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
    """``uint8 (N, 40, 144)`` → the network's input."""
    return torch.from_numpy(normalise(pixels)[:, None]).to(memory_format=torch.channels_last)


@torch.no_grad()
def logits_of(weights: dict[str, torch.Tensor], pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What a network with these weights answers: ``float32 (N, 72, 37)``."""
    model = Recogniser.restored(weights)
    parts = [model(as_input(pixels[start : start + 256])) for start in range(0, len(pixels), 256)]
    answer: npt.NDArray[np.float32] = torch.cat(parts).permute(0, 2, 1).numpy()
    return answer


def validate(weights: dict[str, torch.Tensor], held_out: list[RealCrop]) -> str:
    """Share of held-out real crops read exactly (folded) with these weights, by slice, on one line."""
    logits = logits_of(weights, np.stack([crop.patch() for crop in held_out]))
    right: dict[str, list[bool]] = {}
    for crop, answer in zip(held_out, logits, strict=True):
        hit = fold(as_text(greedy(softmax(answer)))[0]) == fold(crop.text)
        for name in ("all", *crop.slices):
            right.setdefault(name, []).append(hit)
    figures = [f"{name} {np.mean(hits):.3f} ({len(hits)})" for name, hits in sorted(right.items())]
    return "  held out: " + ", ".join(figures)
