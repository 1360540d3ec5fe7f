"""The weights of a trained network, in memory or as the .npz that a training leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)
Weights = Mapping[str, torch.Tensor]


def weights_of(source: Weights | Path) -> Weights:
    """What a path names, or the weights themselves."""
    if not isinstance(source, Path):
        return source
    with np.load(source) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def restored(make: Callable[[Weights], Network], source: Weights | Path) -> Network:
    """The network that `make` builds to hold the weights, with them in it, in evaluation mode."""
    weights = weights_of(source)
    network = make(weights)
    network.load_state_dict(weights)
    network.eval()
    return network
