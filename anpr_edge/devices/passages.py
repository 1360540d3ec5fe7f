"""What passing plates call for: one vote for each vehicle, whatever its distance, dirt and frame count."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

WHITE_GREY, DARK_GREY = 255.0, 4.0
"""Where the sensor ends, and where its noise begins: beyond these a grey does not tell how much."""
CLIPPED_FROM, CLIPPED_STOPS = 0.1, 1.6
"""From this share of saturated pixels on the grey tells nothing; the rest of them is worth so many stops.
Measured on rendered plates, of which some two thirds are face."""
LEAST_LOOKS = 2
"""A detection that comes once is no vehicle."""
VOTES = 5
NEAR_STOPS = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """The amount of light one look at a plate calls for; a `guess` where it was far too bright or dark."""

    light: float
    guess: bool


def look(light: float, plate_grey: float, plate_clipped: float, target_grey: float) -> Look:
    """What a plate of this brightness calls for when it was taken with `light`."""
    if plate_clipped > CLIPPED_FROM:
        more_stops = CLIPPED_STOPS * (plate_clipped - CLIPPED_FROM)
        return Look(light * target_grey / WHITE_GREY / 2**more_stops, guess=True)
    return Look(light * target_grey / max(plate_grey, DARK_GREY), guess=plate_grey < DARK_GREY)


class Passages:
    """Collects looks until a plate has passed, and the votes of the last few that have."""

    def __init__(self) -> None:
        self._looks: list[Look] = []
        self._votes: deque[Look] = deque(maxlen=VOTES)

    @property
    def open(self) -> bool:
        """Whether a plate is passing."""
        return bool(self._looks)

    def add(self, seen: Look) -> None:
        """One more look at the plate that is passing."""
        self._looks.append(seen)

    def close(self) -> float | None:
        """It has passed: the light that the last few call for; None when this was no vehicle."""
        looks, self._looks = self._looks, []
        if len(looks) < LEAST_LOOKS:
            return None
        guessed = sum(one.guess for one in looks) * 2 > len(looks)
        self._votes.append(Look(median(one.light for one in looks), guessed))
        return median(vote.light for vote in self._votes)

    def keep_near(self, light: float) -> None:
        """The light is being changed towards this much: keep what called for about that.

        What was guessed will be seen better now, and what called for another light was from before a change.
        """
        near = (vote for vote in self._votes if abs(math.log2(vote.light / light)) < NEAR_STOPS)
        self._votes = deque((vote for vote in near if not vote.guess), maxlen=VOTES)

    def clear(self) -> None:
        """All that was seen was seen in another light."""
        self._looks.clear()
        self._votes.clear()
