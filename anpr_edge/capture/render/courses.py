"""Ways along the road that are not driven at one speed: queues, overtaking, parking."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

FAR_M, NEAR_M = 36.0, 1.0
"""Where a vehicle comes into the picture and where it leaves it, seen from the pole."""
_QUEUE_GAP_M, _QUEUE_LAG_S = 7.5, 1.1
_CREEP_M, _CREEP_S, _STOP_S = 4.6, 2.2, 2.0


@dataclass(frozen=True, slots=True)
class Course:
    """Where a vehicle's face is at given times, straight and even in between; it stays at either end."""

    times_s: tuple[float, ...]
    y_m: tuple[float, ...]
    x_m: tuple[float, ...]

    def at(self, time_s: float) -> tuple[float, float]:
        """x and y at one moment."""
        x, y = (float(np.interp(time_s, self.times_s, along)) for along in (self.x_m, self.y_m))
        return x, y

    def speed_m_s(self) -> float:
        """The highest speed along the road."""
        legs = zip(pairwise(self.times_s), pairwise(self.y_m), strict=True)
        return max((abs(y1 - y0) / (t1 - t0) for (t0, t1), (y0, y1) in legs), default=0.0)


def queue(place: int, x_m: float, begin_s: float) -> Course:
    """Toward the camera in a queue that creeps and stops all the way; `place` 0 is its head.

    Each vehicle does what the one ahead did, a second later and a length behind.
    Source: Newell, A simplified car-following theory, Transportation Research B 36 (2002).
    """
    times, ways = [begin_s + place * _QUEUE_LAG_S], [FAR_M + place * _QUEUE_GAP_M]
    while ways[-1] > NEAR_M:
        start = times[-1]
        times += [start + _CREEP_S, start + _CREEP_S + _STOP_S]
        ways += [ways[-1] - _CREEP_M] * 2
    return Course(tuple(times), tuple(ways), (x_m,) * len(times))


def overtaking(x_m: float, aside_m: float, begin_s: float, speed_m_s: float) -> Course:
    """Toward the camera, out to `aside_m` in the picture and past whoever is slower."""
    ways = (FAR_M, 24.0, 18.0, NEAR_M)
    times = tuple(begin_s + (FAR_M - y) / speed_m_s for y in ways)
    return Course(times, ways, (x_m, x_m, aside_m, aside_m))


def parked(x_m: float, y_m: float, until_s: float) -> Course:
    """It stands there from the beginning, and then drives off toward the camera."""
    return Course((0.0, until_s, until_s + 4.0), (y_m, y_m, NEAR_M - 0.5), (x_m, x_m, x_m))
