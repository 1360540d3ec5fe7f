"""The second look for export: the trained network, and the windows its quantiser is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from anpr_edge.vision.closeup import MODEL_NAME
from models.recipe.card import Release, write_card
from models.recipe.data import load_collection
from models.recipe.detector import card
from models.recipe.detector.closeups import plain_close_ups, random_close_up
from models.recipe.detector.compose import Sources, random_frame
from models.recipe.detector.network import DetectorNet
from models.recipe.detector.pictures import training_pictures
from models.recipe.detector.roads import road_pictures
from models.recipe.detector.targets import OUTPUTS
from models.recipe.export import Exportable

REAL_WINDOWS: Final = 150
MADE_WINDOWS: Final = 200
PROVISIONAL_THRESHOLD: Final = 0.3
_SEED: Final = 21


def exportable(checkpoint: Path) -> Exportable:
    """The averaged network of a training checkpoint, ready for `export`."""
    network = DetectorNet.restored(torch.load(checkpoint, weights_only=True)["average"])
    return Exportable(network, tuple(OUTPUTS), _quantiser_windows())


def first_card(folder: Path) -> None:
    """Give a model fresh from export a card without figures, so that it can be loaded and measured."""
    write_card(folder, folder, Release(card.KIND, MODEL_NAME, card.tuned(PROVISIONAL_THRESHOLD)))


def _quantiser_windows() -> NDArray[np.uint8]:
    """Second looks at training plates, and windows as they were trained on."""
    rng = np.random.default_rng(_SEED)
    scenes, empty = training_pictures(load_collection(), "train")
    real = [frame.pixels for picture in scenes for frame in plain_close_ups(picture)]
    chosen = rng.permutation(len(real))[:REAL_WINDOWS]
    sources = Sources(scenes, empty, road_pictures(_SEED, 3))
    made: list[NDArray[np.uint8]] = []
    while len(made) < MADE_WINDOWS:
        window = random_close_up(rng, random_frame(rng, sources), np.zeros((0, 4), np.float32))
        made += [window.pixels] if window else []
    return np.stack([real[index] for index in chosen] + made)
