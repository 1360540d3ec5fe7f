"""What leaves the workshop: the trained recogniser for export, and the patches its quantiser is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from anpr_edge.vision.rectify import stretch_contrast
from models.recipe.card import Release, write_card
from models.recipe.export import Exportable
from models.recipe.ocr import card
from models.recipe.ocr.network import Recogniser
from models.recipe.ocr.real import blank_drawer, crops_of, real_drawer
from models.recipe.ocr.shards import as_pixels
from models.recipe.synthesis.crops import distant_crop, random_crop

OUTPUTS: Final = ("logits",)
PLAIN_PATCHES: Final = 150
DRAWN_PATCHES: Final = {"real": 100, "made-up": 160, "distant": 40, "blank": 20}
_SEED: Final = 30


def exportable(checkpoint: Path) -> Exportable:
    """The averaged network of a training checkpoint, ready for `export`."""
    network = Recogniser.restored(torch.load(checkpoint, weights_only=True)["average"])
    return Exportable(network, OUTPUTS, _quantiser_patches())


def first_card(folder: Path) -> None:
    """Give a model fresh from export a card without figures, so that it can be loaded and measured."""
    write_card(folder, folder, Release(card.KIND, card.NAME, card.tuned(temperature=1.0)))


def _quantiser_patches() -> NDArray[np.uint8]:
    """Training crops as they are, and patches of every kind as they were trained on."""
    rng = np.random.default_rng(_SEED)
    crops = crops_of("train")
    patches = [crops[index].patch() for index in rng.permutation(len(crops))[:PLAIN_PATCHES]]
    drawers = {
        "real": real_drawer(),
        "made-up": random_crop,
        "distant": distant_crop,
        "blank": blank_drawer(),
    }
    for kind, count in DRAWN_PATCHES.items():
        patches += [as_pixels(stretch_contrast(drawers[kind](rng).pixels)) for _ in range(count)]
    return np.stack(patches)
