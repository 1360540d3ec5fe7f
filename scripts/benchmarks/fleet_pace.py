"""How fast a unit of `scripts/bench fleet` gives its backlog to the broker; live reads do not wait."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

BURST_S: Final = 0.5
"""What could not go out, because live reads did, catches up by no more than this."""

JITTER: Final = 0.5
"""Two reads follow each other after half to one and a half of the rate's interval."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """The rule: reads a second beginning within `spread_s` of a connection (None: as fast as the window
    allows), and at most so many that the centre has not confirmed (None: any number)."""

    per_s: float | None = 5.0
    spread_s: float = 10.0
    unconfirmed: int | None = None


class Pace:
    """One unit's backlog under a `Pacing`; times are monotonic seconds."""

    def __init__(self, pacing: Pacing, rng: random.Random) -> None:
        self._pacing = pacing
        self._rng = rng
        self._credit = 0.0
        self._credited_s = 0.0

    def connected(self, now_s: float) -> None:
        """A connection has come up: begin at a random moment, so that a city does not begin at once."""
        self._credited_s = now_s + self._rng.uniform(0.0, self._pacing.spread_s)
        self._credit = 1.0

    def allowed(self, now_s: float, unconfirmed: int, window: int) -> int:
        """How many reads of the backlog may go out now."""
        limit = self._pacing.unconfirmed
        room = window if limit is None else max(0, limit - unconfirmed)
        per_s = self._pacing.per_s
        if per_s is None:
            return room
        if now_s < self._credited_s:
            return 0
        most = max(1.0, BURST_S * per_s)
        self._credit = min(most, self._credit + (now_s - self._credited_s) * per_s)
        self._credited_s = now_s
        return min(room, max(0, int(self._credit)))

    def sent(self) -> None:
        """One read of the backlog went out."""
        self._credit -= self._rng.uniform(1 - JITTER, 1 + JITTER)
