"""How far the network's maps are from the targets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import torch
from torch.nn import functional

from models.recipe.detector.network import TYPICAL_LOG_SIDES
from models.recipe.detector.targets import Targets

POSITIVE_POWER: Final = 2
NEIGHBOUR_POWER: Final = 4
"""Exponents of the focal loss for centre points.
Source: Law and Deng, CornerNet, arXiv:1808.01244, equation 1."""
CALM: Final = 0.003
"""Weight of pulling the regressions of cells without a plate to the middle of their range: int8 takes its
scale from all cells, and none of these ever matters."""
UNLABELLED_WEIGHT: Final = 0.25
"""Weight of a confident find where the picture's labels are known to be incomplete."""
TAUGHT_FROM: Final = 0.1
"""Cells to which a teacher gives less are no plate, and its regressions there say nothing."""
_CONFIDENT: Final = 0.3
_BEND: Final = 0.05
"""Where the smooth L1 turns from square to straight, in plate heights."""
Maps = tuple[torch.Tensor, ...]
"""A network's answer: heat, offset, size and corners, each float (N, channels, rows, cols)."""
_UNIT_CORNERS: Final = (-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5)


@dataclass(frozen=True)
class Losses:
    """The parts of the loss, each a scalar tensor, weighed already."""

    heat: torch.Tensor
    offset: torch.Tensor
    size: torch.Tensor
    corners: torch.Tensor
    calm: torch.Tensor

    def parts(self) -> list[torch.Tensor]:
        """Scalars in their order; their sum is what is minimised."""
        return [getattr(self, part.name) for part in fields(self)]


def losses(maps: Maps, targets: Targets, complete: torch.Tensor) -> Losses:
    """Losses of heat, offset, size and corner maps; `complete` float (N,) is 0 for incomplete labels."""
    heat, offset, size, corners = (part.float() for part in maps)
    goal = {part.name: torch.from_numpy(getattr(targets, part.name)) for part in fields(targets)}
    vote, corner_vote = goal["vote"], goal["corner_vote"]
    height = goal["size"][:, 1:].exp()
    aspect = goal["aspect"]

    placed = _bend((offset - goal["offset"]) / height.clamp(min=1.0))
    sized = _bend(size - goal["size"])
    per_height = torch.cat([aspect, torch.ones_like(aspect)] * 4, 1)
    shaped = _bend((corners - goal["corners"]) * per_height)
    ends = _ends(offset, size, corners) - _ends(goal["offset"], goal["size"], goal["corners"])
    landed = _bend(ends / height.clamp(min=0.7))

    return Losses(
        heat=_focal(heat, goal["heat"], goal["heat_weight"], complete),
        offset=2.0 * _mean(placed, vote),
        size=1.5 * _mean(sized, vote),
        corners=1.5 * _mean(shaped, corner_vote) + 1.5 * _mean(landed, corner_vote),
        calm=CALM * _calm(offset, size, corners, vote),
    )


def distances(maps: Maps, teacher: Maps) -> list[torch.Tensor]:
    """How far the maps are from a teacher's: two scalars, of the heat and of where plates are.

    The heat's by a loss that weighs a cell by how far off it is.
    Source: Li et al., Generalized Focal Loss, arXiv:2006.04388, equation 3, at power 1.
    """
    heat, offset, size, corners = (part.float() for part in maps)
    goal = teacher[0].float().sigmoid()
    gap = (heat.detach().sigmoid() - goal).abs()
    unlike = gap * functional.binary_cross_entropy_with_logits(heat, goal, reduction="none")
    vote = goal * (goal > TAUGHT_FROM)

    _, wanted_offset, wanted_size, wanted_corners = (part.float() for part in teacher)
    height = wanted_size[:, 1:].exp().clamp(min=0.7)
    ends = _ends(offset, size, corners) - _ends(wanted_offset, wanted_size, wanted_corners)
    apart = _bend(ends / height).mean(1, keepdim=True) + _bend(size - wanted_size).mean(1, keepdim=True)
    return [unlike.sum() / goal.sum().clamp(min=1), 2.0 * _mean(apart, vote)]


def _focal(
    logits: torch.Tensor, heat: torch.Tensor, weight: torch.Tensor, complete: torch.Tensor
) -> torch.Tensor:
    share = logits.sigmoid()
    centre = heat > 0.999
    missed = (1 - share) ** POSITIVE_POWER * functional.logsigmoid(logits)
    alarm = (1 - heat) ** NEIGHBOUR_POWER * share**2 * functional.logsigmoid(-logits)
    doubt = ((share.detach() > _CONFIDENT) & (heat < 0.1)) * (1 - complete).view(-1, 1, 1, 1)
    alarm = alarm * weight * (1 - doubt * (1 - UNLABELLED_WEIGHT))
    return -torch.where(centre, missed, alarm).sum() / centre.sum().clamp(min=1)


def _ends(offset: torch.Tensor, size: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """Where the corners come to lie, in cells from each cell's centre: (N, 8, rows, cols)."""
    sides = size.clamp(-3, 5).exp()
    unit = torch.tensor(_UNIT_CORNERS).view(1, 8, 1, 1)
    return offset.repeat(1, 4, 1, 1) + (corners + unit) * sides.repeat(1, 4, 1, 1)


def _calm(
    offset: torch.Tensor, size: torch.Tensor, corners: torch.Tensor, vote: torch.Tensor
) -> torch.Tensor:
    usual = torch.tensor(TYPICAL_LOG_SIDES).view(1, 2, 1, 1)
    square = (offset**2).mean(1) + ((size - usual) ** 2).mean(1) + 10 * (corners**2).mean(1)
    return (square * (vote[:, 0] == 0)).mean() * 100


def _bend(error: torch.Tensor) -> torch.Tensor:
    return functional.smooth_l1_loss(error, torch.zeros_like(error), reduction="none", beta=_BEND)


def _mean(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return (error.mean(1, keepdim=True) * weight).sum() / weight.sum().clamp(min=1)
