"""Named faults of the frames themselves: black, white, frozen, late, out of order, of the wrong kind.

A look costs some microseconds: a sparse sample of the picture stands for all of it. None of the faults stops
anything; each is counted, and says how long it has stood.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anpr_edge.errors import CaptureError
from anpr_edge.records import Frame
from anpr_edge.vision.pixels import check_picture

Fault = Literal["unusable", "black", "white", "frozen", "backwards", "slow"]
FAULTS: tuple[Fault, ...] = ("unusable", "black", "white", "frozen", "backwards", "slow")

SAMPLE_STEP_PX = 16
BLACK_GREY, WHITE_GREY = 12, 243
"""No pixel of the sample is brighter, or none darker: nothing can be read in it, whatever the gain."""
FROZEN_AFTER_S = 2.0
"""Live pictures of a sensor differ by its noise; the same one for so long is no picture of now."""
RATE_OVER_S = 5.0
"""Time over which the interval between frames is smoothed."""
SLOW_SHARE = 0.5
"""Fewer frames than this share of what was asked for is a collapse."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How often a fault was seen, and since when it has stood without a break: None when it does not."""

    count: int
    for_s: float | None


class FrameFaults:
    """Looks at every frame as it comes; `state` tells what was seen."""

    def __init__(self, frame_rate: float) -> None:
        """`frame_rate` is what the source was asked for, in frames a second."""
        self._frame_rate = frame_rate
        self._counts: Counter[Fault] = Counter()
        self._since_ns: dict[Fault, int] = {}
        self._sample: NDArray[np.uint8] | None = None
        self._same_since_ns = 0
        self._interval_s = 1 / frame_rate
        self._last_ns: int | None = None

    def look(self, frame: Frame) -> tuple[Fault, ...]:
        """Look at the next frame; the faults that begin with it, usually none."""
        now_ns = frame.taken.mono_ns
        found = (*self._timing(now_ns), *self._picture(frame, now_ns))
        self._last_ns = now_ns
        begun = tuple(fault for fault in found if fault not in self._since_ns)
        self._counts.update(found)
        self._since_ns = {fault: self._since_ns.get(fault, now_ns) for fault in found}
        return begun

    def state(self) -> dict[Fault, Standing]:
        """Every fault seen so far."""
        now_ns, since_ns = self._last_ns or 0, self._since_ns
        return {
            fault: Standing(count, (now_ns - since_ns[fault]) / 1e9 if fault in since_ns else None)
            for fault, count in list(self._counts.items())
        }

    def _timing(self, now_ns: int) -> tuple[Fault, ...]:
        last_ns = self._last_ns
        if last_ns is None:
            return ()
        if now_ns <= last_ns:
            self._since_ns, self._same_since_ns = {}, now_ns
            return ("backwards",)
        lasted_s = (now_ns - last_ns) / 1e9
        weight = 1 - math.exp(-lasted_s / RATE_OVER_S)
        self._interval_s += weight * (lasted_s - self._interval_s)
        return ("slow",) if self._interval_s * SLOW_SHARE * self._frame_rate > 1 else ()

    def _picture(self, frame: Frame, now_ns: int) -> tuple[Fault, ...]:
        try:
            check_picture(frame.pixels)
        except CaptureError:
            self._sample = None
            return ("unusable",)
        sample = frame.pixels[::SAMPLE_STEP_PX, ::SAMPLE_STEP_PX]
        if self._sample is None or not np.array_equal(sample, self._sample):
            self._sample, self._same_since_ns = sample.copy(), now_ns
        found: list[Fault] = []
        if sample.max() <= BLACK_GREY:
            found.append("black")
        if sample.min() >= WHITE_GREY:
            found.append("white")
        if now_ns - self._same_since_ns >= FROZEN_AFTER_S * 1e9:
            found.append("frozen")
        return tuple(found)
