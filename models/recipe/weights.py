"""The weights of a trained network, in memory or as the .npz that a training leaves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

Weights = Mapping[str, torch.Tensor]


def weights_of(source: Weights | Path) -> Weights:
    """What a path names, or the weights themselves."""
    if not isinstance(source, Path):
        return source
    with np.load(source) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}
