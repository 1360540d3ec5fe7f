"""Follows plates from frame to frame by where they should be next.

A track moves on at constant velocity between its matches. Plates are paired with tracks by the
distance of their centres in plate widths, because a fast small plate does not overlap its own last
box at all; a pair whose sizes differ much is no pair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anpr_edge.records import Box, Detection, Instant, Track
from anpr_edge.vision.assignment import FORBIDDEN, assign

MAX_MISSES = 3
REACH_NEW = 2.5
"""How far, in plate widths, a plate may have moved between its first two frames: 130 km/h is 1.2 m in
1/30 s, a plate is 0.52 m wide."""
REACH_KNOWN = 1.25
"""How far, in plate widths, from where its velocity puts it."""
REACH_PER_MISS = 0.25
"""How much wider the search gets, in plate widths, with every frame a track was missed."""
MAX_SIZE_RATIO = 1.7
SIZE_COST = 1.0
"""Cost of a size ratio of e, in plate widths of distance."""
VELOCITY_FOLLOW = 0.6
"""Share of the newest step in the velocity."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A track with the detection that continued or began it."""

    track: Track
    detection: Detection


@dataclass(frozen=True, slots=True)
class TrackerUpdate:
    """What one frame changed: tracks seen in it, and tracks given up."""

    matched: tuple[Matched, ...]
    ended: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class _Followed:
    """A track and its centre's velocity in px per second, None before the second match."""

    track: Track
    velocity: tuple[float, float] | None = None

    def predicted(self, at: Instant) -> tuple[float, float]:
        x, y = self.track.box.centre
        if self.velocity is None:
            return x, y
        elapsed_s = (at.mono_ns - self.track.last.mono_ns) / 1e9
        return x + self.velocity[0] * elapsed_s, y + self.velocity[1] * elapsed_s

    def cost(self, detection: Detection, at: Instant) -> float:
        """Plate widths between prediction and detection, plus a share for the change of size."""
        width = max(1.0, math.sqrt(self.track.box.width * detection.box.width))
        distance = math.dist(self.predicted(at), detection.box.centre) / width
        growth = abs(math.log(max(1.0, detection.box.width) / max(1.0, self.track.box.width)))
        reach = REACH_NEW if self.velocity is None else REACH_KNOWN
        if distance > reach + REACH_PER_MISS * self.track.misses or growth > math.log(MAX_SIZE_RATIO):
            return FORBIDDEN
        return distance + SIZE_COST * growth

    def matched(self, detection: Detection, at: Instant) -> _Followed:
        track = replace(self.track, box=detection.box, last=at, matches=self.track.matches + 1, misses=0)
        return _Followed(track, self._velocity_to(detection.box, at))

    def missed(self) -> _Followed:
        return replace(self, track=replace(self.track, misses=self.track.misses + 1))

    def _velocity_to(self, box: Box, at: Instant) -> tuple[float, float] | None:
        elapsed_s = (at.mono_ns - self.track.last.mono_ns) / 1e9
        if elapsed_s <= 0:
            return self.velocity
        (x0, y0), (x1, y1) = self.track.box.centre, box.centre
        step = (x1 - x0) / elapsed_s, (y1 - y0) / elapsed_s
        if self.velocity is None:
            return step
        old, new = 1 - VELOCITY_FOLLOW, VELOCITY_FOLLOW
        return old * self.velocity[0] + new * step[0], old * self.velocity[1] + new * step[1]


class Tracker:
    """Keeps the tracks of one camera."""

    def __init__(self, max_misses: int = MAX_MISSES) -> None:
        """A track ends when it has been missed in more than `max_misses` frames on end."""
        self._max_misses = max_misses
        self._followed: list[_Followed] = []
        self._next_id = 1

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Every track still followed, in the order they began."""
        return tuple(f.track for f in self._followed)

    def expected(self, at: Instant) -> tuple[tuple[Track, Box], ...]:
        """Every track with the box where its velocity puts it by then."""
        return tuple((f.track, f.track.box.centred_at(f.predicted(at))) for f in self._followed)

    def update(self, detections: Sequence[Detection], at: Instant) -> TrackerUpdate:
        """Continue, begin and end tracks with what one frame shows."""
        costs = [[f.cost(d, at) for d in detections] for f in self._followed]
        pairs = assign(np.array(costs, np.float64).reshape(len(self._followed), len(detections)))
        seen = {row: self._followed[row].matched(detections[column], at) for row, column in pairs}
        matched = [Matched(seen[row].track, detections[column]) for row, column in pairs]
        followed = [seen.get(row) or f.missed() for row, f in enumerate(self._followed)]

        taken = {column for _, column in pairs}
        for column, detection in enumerate(detections):
            if column not in taken:
                begun = self._begin(detection, at)
                followed.append(begun)
                matched.append(Matched(begun.track, detection))

        self._followed = [f for f in followed if f.track.misses <= self._max_misses]
        ended = tuple(f.track for f in followed if f.track.misses > self._max_misses)
        return TrackerUpdate(tuple(matched), ended)

    def end_all(self) -> tuple[Track, ...]:
        """Give up every track, as when the source has ended."""
        ended = self.tracks
        self._followed = []
        return ended

    def _begin(self, detection: Detection, at: Instant) -> _Followed:
        track = Track(self._next_id, detection.box, first=at, last=at, matches=1, misses=0)
        self._next_id += 1
        return _Followed(track)
