"""The detector's network in PyTorch: 320 x 448 grey picture → four maps on a grid of 8 px cells.

A narrow trunk down to 1/32 and back up to 1/8 by addition. Full 3 x 3 convolutions throughout: at equal
multiply-adds they train three times as fast here as depthwise ones, and they quantise better.
It goes to 1/4 in one layer over patches; two layers, of which the first has a 3 x 3 kernel over one grey
channel, leave most of a vector unit idle.
Strided layers pad right and bottom only, as TensorFlow's `same` does: the exported graph needs no PAD.
Source: our own study.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from models.recipe.detector.targets import OUTPUTS
from models.recipe.weights import Weights, restored

RARE_AT_FIRST: Final = -4.0
"""Heat logit of an untrained network: one cell in 55, so that early training is not all false alarms."""
PATCH_PX: Final = 4
"""Side of the patches whose pixels are the channels of the first layer."""
TYPICAL_LOG_SIDES: Final = (1.8, 0.7)
"""log of width and height in cells of a middling plate, 48 x 16 px."""


@dataclass(frozen=True)
class Widths:
    """Channels at 1/2, 1/4, 1/8, 1/16, 1/32 and in front of the heads; `half` 0 goes to 1/4 in one layer.

    The last three say how many blocks there are at 1/8, 1/16 and 1/32.
    """

    half: int = 0
    quarter: int = 24
    eighth: int = 32
    sixteenth: int = 48
    bottom: int = 80
    neck: int = 48
    eighth_blocks: int = 2
    sixteenth_blocks: int = 3
    bottom_blocks: int = 3

    @classmethod
    def of(cls, weights: Mapping[str, Any]) -> Widths:
        """Those of a trained network, from the names and shapes of its weights."""
        names = (f"{unit}.weight" for unit in _GIVERS)
        channels = (weights[name].shape[0] if name in weights else 0 for name in names)
        blocks = (
            sum(f"{stage}.{n}.narrow.0.weight" in weights for n in range(MOST_BLOCKS)) for stage in STAGES
        )
        return cls(*channels, *blocks)


_GIVERS: Final = (
    "stem.0.1",
    "stem.1.1",
    "to_eighth.0.narrow.0",
    "to_sixteenth.0.narrow.0",
    "to_bottom.0.narrow.0",
    "neck.1.0",
)
"""The convolution that gives the channels of each width."""
DEFAULT_WIDTHS: Final = Widths()
STAGES: Final = {
    "to_eighth": ("quarter", "eighth", "eighth_blocks"),
    "to_sixteenth": ("eighth", "sixteenth", "sixteenth_blocks"),
    "to_bottom": ("sixteenth", "bottom", "bottom_blocks"),
}
"""The trunk's stages: which of the widths they take and give, and which says how many blocks they have."""
MOST_BLOCKS: Final = 3
"""In a stage."""


class Unit(nn.Sequential):
    """Convolution, batch normalisation and, unless `active` is false, ReLU."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1, *, active: bool = True
    ) -> None:
        layers: list[nn.Module] = []
        padding = kernel // 2
        if stride > 1 or kernel % 2 == 0:
            layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
            padding = 0
        layers.append(nn.Conv2d(channels_in, channels_out, kernel, stride, padding, bias=False))
        layers.append(nn.BatchNorm2d(channels_out))
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if active else []))


class Block(nn.Module):
    """Twice as wide by 3 x 3, narrow again by 1 x 1, around a shortcut where the shape allows one."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.widen = Unit(channels_in, 2 * channels_in, stride=stride)
        self.narrow = Unit(2 * channels_in, channels_out, 1, active=False)
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`float32 (N, channels_in, H, W)` → `(N, channels_out, H / stride, W / stride)`."""
        narrow: torch.Tensor = self.narrow(self.widen(x))
        return x + narrow if self.shortcut else narrow


def _stem(widths: Widths) -> nn.Sequential:
    """From the picture to 1/4: by two layers, or by one that sees 8 x 8 px, two patches of 4 on each axis."""
    if widths.half:
        return nn.Sequential(Unit(1, widths.half, stride=2), Unit(widths.half, widths.quarter, stride=2))
    return nn.Sequential(nn.PixelUnshuffle(PATCH_PX), Unit(PATCH_PX**2, widths.quarter, 2))


def _stage(widths: Widths, name: str) -> nn.Sequential:
    """A block that halves the grid, and the others after it."""
    taken, given, blocks = (getattr(widths, number) for number in STAGES[name])
    others = (Block(given, given) for _ in range(blocks - 1))
    return nn.Sequential(Block(taken, given, stride=2), *others)


class DetectorNet(nn.Module):
    """`float32 (N, 1, 320, 448)` in −1..1 → heat, offset, size, corners, each `float32 (N, C, 40, 56)`."""

    def __init__(self, widths: Widths = DEFAULT_WIDTHS) -> None:
        super().__init__()
        w = widths
        self.stem = _stem(w)
        self.to_eighth, self.to_sixteenth, self.to_bottom = (_stage(w, name) for name in STAGES)
        self.bottom_up = nn.Sequential(Unit(w.bottom, w.sixteenth, 1), nn.Upsample(scale_factor=2))
        self.join_sixteenth = Unit(w.sixteenth, w.sixteenth)
        self.sixteenth_up = nn.Sequential(Unit(w.sixteenth, w.eighth, 1), nn.Upsample(scale_factor=2))
        self.neck = nn.Sequential(Unit(w.eighth, w.neck), Unit(w.neck, w.neck))
        self.heads = nn.ModuleDict({name: nn.Conv2d(w.neck, size, 1) for name, size in OUTPUTS.items()})
        self._start_heads()

    @classmethod
    def restored(cls, source: Weights | Path) -> DetectorNet:
        """A trained network in evaluation mode, as wide as its weights say; a path names an .npz of them."""
        return restored(lambda weights: cls(Widths.of(weights)), source)

    def _start_heads(self) -> None:
        for head in self.heads.values():
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
        nn.init.constant_(self.heads["heat"].bias, RARE_AT_FIRST)
        with torch.no_grad():
            self.heads["size"].bias.copy_(torch.tensor(TYPICAL_LOG_SIDES))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The four maps, in the order of `OUTPUTS`."""
        eighth = self.to_eighth(self.stem(x))
        sixteenth = self.to_sixteenth(eighth)
        sixteenth = self.join_sixteenth(sixteenth + self.bottom_up(self.to_bottom(sixteenth)))
        features = self.neck(eighth + self.sixteenth_up(sixteenth))
        return tuple(head(features) for head in self.heads.values())


def _wiring() -> dict[str, tuple[str, str]]:
    wiring = {
        "stem.0": ("grey", "half"),
        "stem.1": ("half", "quarter"),
        "bottom_up.0": ("bottom", "sixteenth"),
        "join_sixteenth": ("sixteenth", "joined"),
        "sixteenth_up.0": ("joined", "eighth"),
        "neck.0": ("eighth", "neck"),
        "neck.1": ("neck", "features"),
    }
    for stage, (channels_in, channels_out, _) in STAGES.items():
        for number in range(MOST_BLOCKS):
            block = f"{stage}.{number}"
            wiring[f"{block}.widen"] = (channels_out if number else channels_in, block)
            wiring[f"{block}.narrow"] = (block, channels_out)
    return wiring | {f"heads.{name}": ("features", name) for name in OUTPUTS}


WIRING: Final = _wiring()
"""See `thinning.Wiring`."""
