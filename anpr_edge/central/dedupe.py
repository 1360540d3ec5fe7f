"""What one unit has sent of one feed: which numbers are here, which are missing, whether the chain holds.

Reads may come in any order: a unit sends live reads before its backlog. So what is here is kept as
runs of consecutive numbers, and every place where two runs meet is checked against the hash chain.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum

from anpr_edge.records import EPOCH_NUMBERS
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
    """The numbers of one unit's feed. `breaks` counts places where the chain does not hold."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
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

    def watermark(self, mono_ns: int) -> tuple[int, Gaps]:
        """The number up to which all is here, but for the gaps (first, last) that are asked for again."""
        mark = 0
        asked: list[tuple[int, int]] = []
        for run in self._runs:
            gap = _gap_below(run, mark)
            if gap:
                if len(asked) == MOST_GAPS or mono_ns - run.gap_since_ns < self._grace_ns:
                    break
                asked.append(gap)
            mark = run.last.seq
        return mark, tuple(asked)

    @property
    def missing(self) -> int:
        """How many numbers below the highest one the unit gave out and are not here, at least.

        Where a chain's beginning is not here yet, nobody can tell where it lies, and one is counted.
        """
        marks = [0, *(run.last.seq for run in self._runs)]
        return sum(_missing_below(run, mark) for run, mark in zip(self._runs, marks, strict=False))

    @property
    def restarts(self) -> int:
        """How often the unit's outbox was lost: a later epoch begins then, or another chain in the same."""
        starts = [run.first for run in self._runs if run.first.previous == CHAIN_START]
        return sum(self.begins_anew(start) for start in starts)

    def begins_anew(self, link: Link) -> bool:
        """Whether the unit begins a chain at `link` that is not its first, as far as what is here tells."""
        others_below = bool(self._runs) and self._runs[0].first.seq < link.seq
        return link.previous == CHAIN_START and (link.before_epoch > 0 or others_below)

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


def _missing_below(run: _Run, mark: int) -> int:
    gap = _gap_below(run, mark)
    if gap is None:
        return 0
    return 1 if mark <= run.first.before_epoch else gap[1] - gap[0] + 1
