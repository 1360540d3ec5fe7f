"""How long to wait before the next attempt, so that a thousand units do not come back at once."""

from __future__ import annotations

import random


class Backoff:
    """Exponential backoff with full jitter: each delay is uniform between 0 and a doubling ceiling.

    Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015 ("full jitter"
    needs the fewest calls of the variants compared there).
    """

    def __init__(self, rng: random.Random, *, first_s: float = 1.0, most_s: float = 60.0) -> None:
        if not 0 < first_s <= most_s:
            raise ValueError(f"backoff from {first_s} s to {most_s} s: must be 0 < first ≤ most")
        self._rng = rng
        self._first_s = first_s
        self._most_s = most_s
        self._ceiling_s = first_s

    def next_delay_s(self) -> float:
        """The delay before the next attempt; the ceiling doubles with each call."""
        delay_s = self._rng.uniform(0.0, self._ceiling_s)
        self._ceiling_s = min(2 * self._ceiling_s, self._most_s)
        return delay_s

    def reset(self) -> None:
        """Start from the first ceiling again, after an attempt that worked."""
        self._ceiling_s = self._first_s
