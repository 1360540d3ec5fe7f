"""What one unit has sent of one feed: which numbers are here, which are missing, whether the chain holds.

Reads may come in any order: a unit sends live reads before its backlog. So what is here is kept as
runs of consecutive numbers, and every place where two runs meet is checked against the hash chain.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from anpr_edge.records import EPOCH_NUMBERS, Loss, LossCause
from anpr_edge.seal.envelope import CHAIN_START

PRINT_BYTES = 8
"""What is remembered of each read's hash, to tell a repeat from another read under a used number."""

GRACE_S = 10.0
"""A gap that has not shrunk for this long is asked for; until then the backlog may still be filling it."""

MOST_GAPS = 100
"""Gaps in one acknowledgement; the watermark stays below the next one."""


Gaps = tuple[tuple[int, int], ...]


class Place(Enum):
    """How a number fits what was here before."""

    NEW = "new"
    REPEAT = "repeat"
    CONFLICT = "conflict"
    """The number is taken by another read: the unit's outbox was reset or cloned."""


@dataclass(frozen=True, slots=True)
class Link:
    """One envelope's place in its feed's chain: its number, its hash, and the hash it names before it."""

    seq: int
    previous: bytes
    hash: bytes

    @property
    def before_epoch(self) -> int:
        """The number below the first that this one's epoch can have."""
        return self.seq // EPOCH_NUMBERS * EPOCH_NUMBERS


@dataclass(slots=True)
class _Run:
    first: Link
    last: Link
    prints: array[int]
    gap_since_ns: int
    """When the gap below this run last changed."""


class FeedLedger:
    """The numbers of one unit's feed. `breaks` counts places where the chain does not hold.

    What the unit has reported lost is neither missing nor asked for; should it come all the same, it is new.
    """

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._lost: list[Loss] = []
        self._grace_ns = round(grace_s * 1e9)
        self._runs: list[_Run] = []
        self._conflicts: set[int] = set()
        self.breaks = 0

    def __len__(self) -> int:
        return sum(run.last.seq - run.first.seq + 1 for run in self._runs)

    def place(self, link: Link) -> Place:
        """Where `link` belongs; changes nothing."""
        below = self._run_at_or_below(link.seq)
        if below is None or link.seq > below.last.seq:
            return Place.NEW
        print_ = _print(link)
        same = below.prints[link.seq - below.first.seq] == print_ or print_ in self._conflicts
        return Place.REPEAT if same else Place.CONFLICT

    def add_conflict(self, link: Link) -> None:
        """Remember a link in conflict, so that it is a repeat when it comes again."""
        self._conflicts.add(_print(link))

    def add(self, link: Link, mono_ns: int) -> bool:
        """Count a new link as here; False when the chain does not hold beside it."""
        at = bisect_right(self._runs, link.seq, key=lambda run: run.first.seq)
        self._runs.insert(at, _Run(link, link, array("Q", [_print(link)]), mono_ns))
        breaks = self.breaks
        self._join(at, mono_ns)
        self._join(at - 1, mono_ns)
        return self.breaks == breaks

    def lose(self, losses: Iterable[Loss]) -> None:
        """Take the unit's word that these will never come. What it says first of a number counts."""
        for loss in losses:
            parts = _without((loss.first, loss.last), self._lost)
            self._lost += [Loss(first, last, loss.cause) for first, last in parts]
            self._lost.sort(key=lambda one: one.first)
        self._lost = _joined(self._lost)

    @property
    def lost(self) -> dict[LossCause, int]:
        """How many numbers are not here and never will be, by cause, at least.

        Where a chain's beginning is lost, nobody can tell where it lay, and one is counted.
        """
        counts: dict[LossCause, int] = {}
        for run, mark in self._with_marks():
            gap = _gap_below(run, mark)
            for loss in self._lost_in(gap) if gap else ():
                count = loss.last - loss.first + 1 if loss.first - 1 > run.first.before_epoch else 1
                counts[loss.cause] = counts.get(loss.cause, 0) + count
        return counts

    def watermark(self, mono_ns: int) -> tuple[int, Gaps]:
        """The number up to which all is here, but for the gaps (first, last) that are asked for again."""
        mark = 0
        asked: list[tuple[int, int]] = []
        for run in self._runs:
            gap = _gap_below(run, mark)
            open_parts = _without(gap, self._lost_in(gap)) if gap else []
            if open_parts:
                room = MOST_GAPS - len(asked)
                if not room or mono_ns - run.gap_since_ns < self._grace_ns:
                    break
                asked += open_parts[:room]
                if len(open_parts) > room:
                    break
            mark = run.last.seq
        return mark, tuple(asked)

    @property
    def missing(self) -> int:
        """How many numbers below the highest one the unit gave out and are not here, at least.

        Where a chain's beginning is not here yet, nobody can tell where it lies, and one is counted.
        """
        return sum(self._missing_below(run, mark) for run, mark in self._with_marks())

    @property
    def restarts(self) -> int:
        """How often the unit's outbox was lost: a later epoch begins then, or another chain in the same."""
        starts = [run.first for run in self._runs if run.first.previous == CHAIN_START]
        return sum(self.begins_anew(start) for start in starts)

    def begins_anew(self, link: Link) -> bool:
        """Whether the unit begins a chain at `link` that is not its first, as far as what is here tells."""
        others_below = bool(self._runs) and self._runs[0].first.seq < link.seq
        return link.previous == CHAIN_START and (link.before_epoch > 0 or others_below)

    def _with_marks(self) -> list[tuple[_Run, int]]:
        """Every run, with the last number of the one below it."""
        return list(zip(self._runs, [0, *(run.last.seq for run in self._runs)], strict=False))

    def _missing_below(self, run: _Run, mark: int) -> int:
        gap = _gap_below(run, mark)
        parts = _without(gap, self._lost_in(gap)) if gap else []
        if parts and mark <= run.first.before_epoch:
            return 1
        return sum(last - first + 1 for first, last in parts)

    def _lost_in(self, gap: tuple[int, int]) -> list[Loss]:
        """What is lost of a gap."""
        at = bisect_left(self._lost, gap[0], key=lambda loss: loss.last)
        found = []
        for loss in self._lost[at:]:
            if loss.first > gap[1]:
                break
            found.append(Loss(max(loss.first, gap[0]), min(loss.last, gap[1]), loss.cause))
        return found

    def _run_at_or_below(self, seq: int) -> _Run | None:
        at = bisect_right(self._runs, seq, key=lambda run: run.first.seq)
        return self._runs[at - 1] if at else None

    def _join(self, at: int, mono_ns: int) -> None:
        """Make one run of the runs `at` and `at + 1` when no number lies between them."""
        if at < 0 or at + 1 >= len(self._runs):
            return
        left, right = self._runs[at], self._runs[at + 1]
        if left.last.seq + 1 != right.first.seq:
            right.gap_since_ns = mono_ns
            return
        if right.first.previous != left.last.hash:
            self.breaks += 1
        left.last = right.last
        left.prints.extend(right.prints)
        del self._runs[at + 1]


def _print(link: Link) -> int:
    return int.from_bytes(link.hash[:PRINT_BYTES])


def _gap_below(run: _Run, mark: int) -> tuple[int, int] | None:
    """What is missing between `mark` and `run`; nothing below the start of a chain was ever given out."""
    first = max(mark, run.first.before_epoch) + 1
    if run.first.seq <= first or run.first.previous == CHAIN_START:
        return None
    return first, run.first.seq - 1


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
