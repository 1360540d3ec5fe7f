"""The float32 file of an exported model in the place of the int8 one, to see what quantising costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anpr_edge.vision.card import ModelCard
from models.recipe.outputs import open_model, output_places


class FloatTwin:
    """A detector's network: takes what the int8 model takes and answers in the card's order, unrounded."""

    def __init__(self, card: ModelCard, path: Path) -> None:
        self.card = card
        self._float = open_model(path)
        details = self._float.get_output_details()
        self._places = [details[place]["index"] for place in output_places(self._float)]

    def run(self, picture: NDArray[np.int8]) -> list[NDArray[np.float32]]:
        """The outputs for an int8 (height, width) picture, in the card's order."""
        given = (picture.astype(np.float32) / 128)[np.newaxis, :, :, np.newaxis]
        self._float.set_tensor(self._float.get_input_details()[0]["index"], given)
        self._float.invoke()
        return [self._float.get_tensor(place) for place in self._places]
