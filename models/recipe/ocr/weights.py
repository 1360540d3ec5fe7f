"""The trained network as plain convolutions: what the export environment gets, without PyTorch.

One ``.npz`` holds, for every convolution ``name``, ``name.kernel`` (height, width, in, out), ``name.bias``,
batch normalisation folded in, and ``calibration``: ``uint8 (N, 40, 144)`` patches that show the quantiser
its ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

NORM_EPSILON: Final = 1e-5
"""PyTorch's default for ``BatchNorm2d``."""

PLACES: Final = {
    "trunk.0": 20 * 72,
    "trunk.1": 10 * 36,
    "trunk.2.first": 10 * 36,
    "trunk.2.second": 10 * 36,
    "trunk.3": 5 * 36,
    "trunk.4.first": 5 * 36,
    "trunk.4.second": 5 * 36,
    "trunk.5.first": 5 * 36,
    "trunk.5.second": 5 * 36,
    "upper": 36,
    "lower": 36,
    "mix.0": 72,
    "classify": 72,
}
"""How many positions of its output each convolution computes."""

Arrays = dict[str, npt.NDArray[np.float32]]


def fold_norms(state: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
    """Convolutions of a PyTorch state dict, each with the batch normalisation that follows it folded in.

    A layer list counts padding, convolution, normalisation: the normalisation of ``unit.1`` is ``unit.2``.
    """
    folded: Arrays = {}
    for name, trained in state.items():
        if trained.ndim != 4:
            continue
        unit, _, place = name.removesuffix(".weight").rpartition(".")
        norm = f"{unit}.{int(place) + 1}" if place.isdigit() else ""
        if f"{norm}.running_var" in state:
            gain = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + NORM_EPSILON)
            bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
            kernel, layer = trained * gain[:, None, None, None], unit
        else:
            kernel, layer = trained, name.removesuffix(".weight")
            bias = state[f"{layer}.bias"]
        folded[f"{layer}.kernel"] = np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))
        folded[f"{layer}.bias"] = np.ascontiguousarray(bias)
    return folded


def save_weights(path: Path, folded: Arrays, calibration: npt.NDArray[np.uint8]) -> None:
    """Write the file the export reads, by atomic replace."""
    partial = path.with_name(f".{path.stem}.partial.npz")
    np.savez(partial, calibration=calibration, **folded)
    partial.replace(path)


def multiply_adds(folded: Arrays) -> int:
    """Multiplications of one inference: every kernel's size times the positions it is applied at."""
    return sum(int(folded[f"{layer}.kernel"].size) * places for layer, places in PLACES.items())
