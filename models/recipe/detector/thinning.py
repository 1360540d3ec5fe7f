"""A narrower detector from a trained one: the channels that say most stay, and training goes on with them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import astuple, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.recipe.detector.network import STAGES, DetectorNet, Widths

Weights = Mapping[str, NDArray[np.float32]]

_STATISTICS: Final = ("running_mean", "running_var")
"""Of a normalisation: what it has seen, not what it has learnt."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `thin-detector`."""
    parser.add_argument("weights", type=Path, help="averaged weights of a trained detector (.npz)")
    parser.add_argument("thinned", type=Path, help="where the narrower network's weights go (.npz)")
    names = " ".join(width.name.upper() for width in fields(Widths))
    parser.add_argument(
        "widths", type=int, nargs=len(fields(Widths)), metavar="N", help=f"channels to keep: {names}"
    )


def run(args: argparse.Namespace) -> int:
    """Write the narrower network; exit code 1 when it would be wider."""
    with np.load(args.weights) as stored:
        weights = dict(stored)
    before, after = Widths.of(weights), Widths(*args.widths)
    if any(kept > there for kept, there in zip(astuple(after), astuple(before), strict=True)):
        print(f"{args.weights}: has {before}, which does not hold {after}", file=sys.stderr)
        return 1
    np.savez_compressed(args.thinned, **thinned(weights, after))
    return 0


def thinned(weights: Weights, widths: Widths) -> dict[str, NDArray[np.float32]]:
    """The weights of a network of `widths`, all of them taken from a wider one's.

    A channel says as much as the weights that take it up, times how far its normalisation lets it swing.
    """
    shapes = {name: tuple(value.shape) for name, value in DetectorNet(widths).state_dict().items()}
    sizes = {_WIRING[unit][1]: shapes[name][0] for name, unit in _kernels(shapes)}
    kept = {group: _strongest(_strengths(weights, group), size) for group, size in sizes.items()}
    return {name: _picked(weights[name], _WIRING[_unit(name)], kept) for name in shapes}


def _wiring() -> dict[str, tuple[str, str]]:
    """For each unit the channels it takes and those it gives; what is added together goes by one name."""
    wiring = {
        "stem.0": ("grey", "half"),
        "stem.1": ("half", "quarter"),
        "bottom_up.0": ("bottom", "sixteenth"),
        "join_sixteenth": ("sixteenth", "joined"),
        "sixteenth_up.0": ("joined", "eighth"),
        "neck.0": ("eighth", "neck"),
        "neck.1": ("neck", "features"),
    }
    for stage, (channels_in, channels_out, blocks) in STAGES.items():
        for number in range(blocks):
            block = f"{stage}.{number}"
            wiring[f"{block}.widen"] = (channels_out if number else channels_in, block)
            wiring[f"{block}.narrow"] = (block, channels_out)
    return wiring | {f"heads.{name}": ("features", name) for name in ("heat", "offset", "size", "corners")}


_WIRING: Final = _wiring()


def _unit(name: str) -> str:
    """The unit that a parameter belongs to."""
    return name.rsplit(".", 1)[0] if name.startswith("heads.") else name.rsplit(".", 2)[0]


def _kernels(shapes: Mapping[str, tuple[int, ...]]) -> list[tuple[str, str]]:
    """Names of the convolutions' weights, each with its unit."""
    return [(name, _unit(name)) for name, shape in shapes.items() if len(shape) == 4]


def _strengths(weights: Weights, group: str) -> NDArray[np.float32]:
    """How much each channel of a group says."""
    kernels = _kernels({name: value.shape for name, value in weights.items()})
    uptake = [np.abs(weights[name]).sum((0, 2, 3)) for name, unit in kernels if _WIRING[unit][0] == group]
    swing = [
        value**2
        for name, value in weights.items()
        if value.ndim == 1 and _WIRING[_unit(name)][1] == group and not name.endswith(_STATISTICS)
    ]
    return np.asarray(np.sum(uptake, axis=0) * np.sqrt(np.sum(swing, axis=0)), np.float32)


def _strongest(strengths: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    return np.sort(np.argsort(-strengths, kind="stable")[:count])


def _picked(
    value: NDArray[np.float32], wired: tuple[str, str], kept: Mapping[str, NDArray[np.intp]]
) -> NDArray[np.float32]:
    """The part of a parameter that is kept; axis 0 are the channels given, axis 1 those taken."""
    taken, given = wired
    if value.ndim >= 1:
        value = value[kept[given]]
    if value.ndim == 4 and taken in kept:
        value = value[:, kept[taken]]
    return value
