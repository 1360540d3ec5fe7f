"""How fast a unit of `scripts/bench fleet` gives its backlog to the broker: the uplink's own rule."""

from __future__ import annotations

import random
from dataclasses import dataclass

from anpr_edge.seams import Clock
from anpr_edge.uplink.shaper import Shaper

NO_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Pacing:
    """Reads a second, beginning within `spread_s` of a connection, and how many may be unconfirmed.

    None is without a limit: as fast as the window allows. The defaults are a unit's own.
    """

    per_s: float | None = 5.0
    spread_s: float = 10.0
    unconfirmed: int | None = 2

    def shaper(self, clock: Clock, rng: random.Random, window: int) -> Shaper:
        """One unit's."""
        return Shaper(
            clock,
            rng,
            window=window,
            backlog_per_s=self.per_s or NO_LIMIT,
            spread_s=self.spread_s,
            unconfirmed=self.unconfirmed or NO_LIMIT,
        )
