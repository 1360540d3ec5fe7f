"""A smaller network from a trained one, with which training goes on.

The channels that say most stay, and of each stage's blocks the first.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]
Shapes = Mapping[str, tuple[int, ...]]
Wiring = Mapping[str, tuple[str, str]]
"""For each unit of a network the channels it takes and those it gives; what is added together, or laid side
by side, goes by one name."""

NETWORKS: Final = {
    "detector": ("models.recipe.detector.network", "DetectorNet"),
    "recogniser": ("models.recipe.ocr.network", "Recogniser"),
}
_STATISTICS: Final = ("running_mean", "running_var")
"""Of a normalisation: what it has seen, not what it has learnt."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `thin`."""
    parser.add_argument("model", choices=sorted(NETWORKS))
    parser.add_argument("weights", type=Path, help="averaged weights of a trained network (.npz)")
    parser.add_argument("thinned", type=Path, help="where the narrower network's weights go (.npz)")
    parser.add_argument(
        "widths",
        type=int,
        nargs="+",
        metavar="N",
        help="channels to keep at each of its widths, then blocks of its stages; a wrong count shows which",
    )


def run(args: argparse.Namespace) -> int:
    """Write the narrower network; exit code 1 when that cannot be made from the wide one."""
    module, name = NETWORKS[args.model]
    found: Any = importlib.import_module(module)
    network, widths, wiring = getattr(found, name), found.Widths, found.WIRING
    with np.load(args.weights) as stored:
        weights = dict(stored)
    before = widths.of(weights)
    if len(args.widths) != len(astuple(before)):
        print(f"{args.weights}: has {before}: name as many, not {len(args.widths)}", file=sys.stderr)
        return 1
    after = widths(*args.widths)
    pairs = list(zip(astuple(after), astuple(before), strict=True))
    if any(kept > there or bool(kept) != bool(there) for kept, there in pairs):
        print(f"{args.weights}: has {before}, which does not hold {after}", file=sys.stderr)
        return 1
    shapes = {key: tuple(value.shape) for key, value in network(after).state_dict().items()}
    np.savez_compressed(args.thinned, **thinned(weights, shapes, wiring))
    return 0


def thinned(weights: Weights, shapes: Shapes, wiring: Wiring) -> dict[str, NDArray[np.float32]]:
    """The weights of a network of `shapes`, all of them taken from a wider one's.

    A channel says as much as the weights that take it up, times how far its normalisation lets it swing.
    """
    sizes = {wiring[unit][1]: shapes[name][0] for name, unit in _kernels(shapes, wiring)}
    kept = {group: _strongest(_strengths(weights, wiring, group), size) for group, size in sizes.items()}
    return {name: _picked(weights[name], wiring[_unit(name, wiring)], kept) for name in shapes}


def _unit(name: str, wiring: Wiring) -> str:
    """The unit that a parameter belongs to: a lone convolution, or one with its normalisation."""
    alone = name.rsplit(".", 1)[0]
    return alone if alone in wiring else name.rsplit(".", 2)[0]


def _kernels(shapes: Shapes, wiring: Wiring) -> list[tuple[str, str]]:
    """Names of the convolutions' weights, each with its unit."""
    return [(name, _unit(name, wiring)) for name, shape in shapes.items() if len(shape) == 4]


def _strengths(weights: Weights, wiring: Wiring, group: str) -> NDArray[np.float32]:
    """How much each channel of a group says; nothing takes up an output's, of which all stay."""
    kernels = _kernels({name: value.shape for name, value in weights.items()}, wiring)
    uptake = [np.abs(weights[name]).sum((0, 2, 3)) for name, unit in kernels if wiring[unit][0] == group]
    swing = [
        value**2
        for name, value in weights.items()
        if value.ndim == 1 and wiring[_unit(name, wiring)][1] == group and not name.endswith(_STATISTICS)
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
