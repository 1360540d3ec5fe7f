"""The recogniser's network in PyTorch: 40 × 144 grey patch → 72 slots × 37 classes.

A residual trunk brings the patch to 5 × 36; two learned collapses of its rows, one for the upper and one for
the lower half, stand side by side along the width, so that plates of one and of two rows take the same way.
Only convolutions, ReLU, addition and concatenation: everything quantises and runs in XNNPACK.

Strided layers pad right and bottom only, as TensorFlow's ``same`` does: the exported graph needs no PAD.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from models.recipe.ocr.alphabet import ALPHABET
from models.recipe.weights import Weights, restored


@dataclass(frozen=True)
class Widths:
    """Channels of the network's stages, and how many residual blocks the deepest has."""

    stem: int = 24
    middle: int = 48
    deep: int = 96
    slots: int = 128
    deep_blocks: int = 2

    @classmethod
    def of(cls, weights: Mapping[str, Any]) -> Widths:
        """Those of a trained network, from the names and shapes of its weights."""
        givers = ("trunk.0.1", "trunk.1.1", "trunk.3.1", "upper.0")
        stem, middle, deep, slots = (weights[f"{unit}.weight"].shape[0] for unit in givers)
        blocks = sum(f"trunk.{number}.first.1.weight" in weights for number in (4, 5))
        return cls(stem, middle, deep, slots, blocks)


WIRING: Final = {
    "trunk.0": ("grey", "stem"),
    "trunk.1": ("stem", "middle"),
    "trunk.2.first": ("middle", "trunk.2"),
    "trunk.2.second": ("trunk.2", "middle"),
    "trunk.3": ("middle", "deep"),
    "trunk.4.first": ("deep", "trunk.4"),
    "trunk.4.second": ("trunk.4", "deep"),
    "trunk.5.first": ("deep", "trunk.5"),
    "trunk.5.second": ("trunk.5", "deep"),
    "upper": ("deep", "slots"),
    "lower": ("deep", "slots"),
    "mix.0": ("slots", "mixed"),
    "classify": ("mixed", "classes"),
}
"""See `thinning.Wiring`."""
DEFAULT_WIDTHS: Final = Widths()


class Unit(nn.Sequential):
    """Convolution, batch normalisation and, unless ``active`` is false, ReLU."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: tuple[int, int] = (3, 3),
        *,
        stride: tuple[int, int] = (1, 1),
        collapse: bool = False,
        active: bool = True,
    ) -> None:
        layers: list[nn.Module] = []
        if not collapse:
            layers.append(nn.ZeroPad2d(same_padding(kernel, stride)))
        layers += [
            nn.Conv2d(channels_in, channels_out, kernel, stride, bias=False),
            nn.BatchNorm2d(channels_out),
        ]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if active else []))


def same_padding(kernel: Sequence[int], stride: Sequence[int]) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) zeros that TensorFlow's ``same`` adds when the stride divides the size."""
    high, wide = (size - step if step > 1 else size - 1 for size, step in zip(kernel, stride, strict=True))
    return wide // 2, wide - wide // 2, high // 2, high - high // 2


class Residual(nn.Module):
    """Two 3 × 3 units around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Unit(channels, channels)
        self.second = Unit(channels, channels, active=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape in and out."""
        return torch.relu(x + self.second(self.first(x)))


class Recogniser(nn.Module):
    """``float32 (N, 1, 40, 144)`` in −1..1 → logits ``float32 (N, 37, 72)``."""

    def __init__(self, widths: Widths = DEFAULT_WIDTHS) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            Unit(1, widths.stem, stride=(2, 2)),
            Unit(widths.stem, widths.middle, stride=(2, 2)),
            Residual(widths.middle),
            Unit(widths.middle, widths.deep, stride=(2, 1)),
            *(Residual(widths.deep) for _ in range(widths.deep_blocks)),
        )
        self.upper = Unit(widths.deep, widths.slots, (5, 1), collapse=True)
        self.lower = Unit(widths.deep, widths.slots, (5, 1), collapse=True)
        self.mix = nn.Sequential(Unit(widths.slots, widths.slots, (1, 5)), nn.Dropout(0.1))
        self.classify = nn.Conv2d(widths.slots, len(ALPHABET), 1)

    @classmethod
    def restored(cls, source: Weights | Path) -> Recogniser:
        """A trained network in evaluation mode, as wide as its weights say; a path names an .npz of them."""
        return restored(lambda weights: cls(Widths.of(weights)), source)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, classes before slots as the CTC loss wants them."""
        features = self.trunk(x)
        slots = torch.cat([self.upper(features), self.lower(features)], dim=3)
        logits: torch.Tensor = self.classify(self.mix(slots))[:, :, 0]
        return logits
