"""What leaves the workshop: the trained detector for export, and the pictures its quantiser is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.recipe.card import Release, write_card
from models.recipe.data import load_collection
from models.recipe.detector import card
from models.recipe.detector.compose import Sources, plain_frame, random_frame
from models.recipe.detector.network import DetectorNet
from models.recipe.detector.pictures import training_pictures
from models.recipe.detector.roads import road_pictures
from models.recipe.detector.targets import OUTPUTS
from models.recipe.export import Exportable

NAME: Final = "detector"
REAL_PICTURES: Final = 120
MADE_PICTURES: Final = 120
ROAD_CLIPS: Final = 5
PROVISIONAL_THRESHOLD: Final = 0.4
_SEED: Final = 20


def exportable(checkpoint: Path) -> Exportable:
    """The averaged network of a training checkpoint, ready for `export`."""
    network = DetectorNet.restored(torch.load(checkpoint, weights_only=True)["average"])
    return Exportable(network, tuple(OUTPUTS), _quantiser_pictures())


def first_card(folder: Path) -> None:
    """Give a model fresh from export a card without figures, so that it can be loaded and measured."""
    write_card(folder, folder, Release(card.KIND, NAME, card.tuned(PROVISIONAL_THRESHOLD)))


def _quantiser_pictures() -> NDArray[np.uint8]:
    """Training pictures as a unit sees them, and frames as they were trained on."""
    rng = np.random.default_rng(_SEED)
    scenes, empty = training_pictures(load_collection(), "train")
    chosen = rng.permutation(len(scenes))[:REAL_PICTURES]
    real = [plain_frame(scenes[index]).pixels for index in chosen]
    sources = Sources(scenes, empty, road_pictures(_SEED, ROAD_CLIPS))
    return np.stack(real + [random_frame(rng, sources).pixels for _ in range(MADE_PICTURES)])
