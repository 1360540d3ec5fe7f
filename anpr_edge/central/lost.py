"""The numbers of one feed that its unit has said will never come, and why."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from anpr_edge.records import Loss


class LostNumbers:
    """Ranges in order, none over another. What a unit says first of a number counts."""

    def __init__(self, known: Sequence[Loss] = ()) -> None:
        self._ranges = list(known)

    @property
    def ranges(self) -> tuple[Loss, ...]:
        """All of them."""
        return tuple(self._ranges)

    def add(self, losses: Iterable[Loss]) -> None:
        """Take the unit's word for these too."""
        for loss in losses:
            parts = _without((loss.first, loss.last), self._ranges)
            self._ranges += [Loss(first, last, loss.cause) for first, last in parts]
            self._ranges.sort(key=lambda one: one.first)
        self._ranges = _joined(self._ranges)

    def of(self, gap: tuple[int, int]) -> list[Loss]:
        """What is lost of a gap (first, last)."""
        at = bisect_left(self._ranges, gap[0], key=lambda loss: loss.last)
        found = []
        for loss in self._ranges[at:]:
            if loss.first > gap[1]:
                break
            found.append(Loss(max(loss.first, gap[0]), min(loss.last, gap[1]), loss.cause))
        return found

    def rest_of(self, gap: tuple[int, int]) -> list[tuple[int, int]]:
        """The parts of a gap that are not lost."""
        return _without(gap, self.of(gap))


def _without(gap: tuple[int, int], lost: Iterable[Loss]) -> list[tuple[int, int]]:
    """The parts of a gap that are not lost; `lost` is in order and does not overlap."""
    parts = []
    first = gap[0]
    for loss in lost:
        if first < loss.first <= gap[1]:
            parts.append((first, loss.first - 1))
        if loss.first <= gap[1]:
            first = max(first, loss.last + 1)
    return [*parts, (first, gap[1])] if first <= gap[1] else parts


def _joined(lost: Sequence[Loss]) -> list[Loss]:
    """Neighbours of one cause made one."""
    joined: list[Loss] = []
    for loss in lost:
        if joined and (joined[-1].last + 1, joined[-1].cause) == (loss.first, loss.cause):
            joined[-1] = Loss(joined[-1].first, loss.last, loss.cause)
        else:
            joined.append(loss)
    return joined
