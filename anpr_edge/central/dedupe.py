"""What one unit has sent of one feed: which numbers are here, which are missing, whether the chain holds.

Reads may come in any order: a unit sends live reads before its backlog. So what is here is kept as
runs of consecutive numbers, and every place where two runs meet is checked against the hash chain.

Times are the wall clock's: several processes, perhaps on several machines, share one feed's runs. A step of
that clock can only make a gap be asked for too early, which costs the unit a repeat.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from anpr_edge.central.lost import LostNumbers
from anpr_edge.central.prints import Link, MemoryPrints, Prints, print_of
from anpr_edge.records import Loss, LossCause
from anpr_edge.seal.envelope import CHAIN_START

GRACE_S = 10.0
"""A gap that has not shrunk for this long is asked for; until then the backlog may still be filling it."""

MOST_GAPS = 100
"""Gaps in one acknowledgement; the watermark stays below the next one."""


Gaps = tuple[tuple[int, int], ...]


class FeedKey(NamedTuple):
    """Whose numbers they are: a unit that was set up anew, with another signing key, counts anew."""

    fleet: str
    unit: str
    feed: str
    signer_kid: bytes


class Place(Enum):
    """How a number fits what was here before."""

    NEW = "new"
    REPEAT = "repeat"
    CONFLICT = "conflict"
    """The number is taken by another read: the unit's outbox was reset or cloned."""


@dataclass(slots=True)
class _Run:
    first: Link
    last: Link
    gap_since_ns: int
    """When the gap below this run last changed."""


class RunState(NamedTuple):
    """A run of numbers as a store keeps it: its ends, and what the chain is checked against there."""

    first: int
    previous: bytes
    last: int
    hash: bytes
    gap_since_ns: int


@dataclass(frozen=True, slots=True)
class LedgerState:
    """All of a ledger but the reads' own hashes, which a store has beside the reads."""

    runs: Sequence[RunState] = ()
    breaks: int = 0
    lost: Sequence[Loss] = ()


class FeedLedger:
    """The numbers of one unit's feed. `breaks` counts places where the chain does not hold.

    What the unit has reported lost is neither missing nor asked for; should it come all the same, it is new.
    """

    def __init__(self, prints: Prints | None = None, state: LedgerState | None = None) -> None:
        state = state or LedgerState()
        self._prints = prints or MemoryPrints()
        self._runs = [
            _Run(Link(run.first, run.previous, b""), Link(run.last, b"", run.hash), run.gap_since_ns)
            for run in state.runs
        ]
        self._lost = LostNumbers(state.lost)
        self.breaks = state.breaks

    def __len__(self) -> int:
        return sum(run.last.seq - run.first.seq + 1 for run in self._runs)

    def place(self, link: Link) -> Place:
        """Where `link` belongs; changes nothing."""
        below = self._run_at_or_below(link.seq)
        if below is None or link.seq > below.last.seq:
            return Place.NEW
        known = self._prints.of(link.seq)
        return Place.CONFLICT if known and print_of(link.hash) not in known else Place.REPEAT

    def add_conflict(self, link: Link) -> None:
        """Remember a link in conflict, so that it is a repeat when it comes again."""
        self._prints.add(link)

    def add(self, link: Link, utc_ns: int) -> bool:
        """Count a new link as here; False when the chain does not hold beside it."""
        at = bisect_right(self._runs, link.seq, key=lambda run: run.first.seq)
        self._runs.insert(at, _Run(link, link, utc_ns))
        self._prints.add(link)
        breaks = self.breaks
        self._join(at, utc_ns)
        self._join(at - 1, utc_ns)
        return self.breaks == breaks

    def lose(self, losses: Iterable[Loss]) -> None:
        """Take the unit's word that these will never come."""
        self._lost.add(losses)

    @property
    def lost(self) -> dict[LossCause, int]:
        """How many numbers are not here and never will be, by cause, at least.

        Where a chain's beginning is lost, nobody can tell where it lay, and one is counted.
        """
        counts: dict[LossCause, int] = {}
        for run, mark in self._with_marks():
            gap = _gap_below(run, mark)
            for loss in self._lost.of(gap) if gap else ():
                count = loss.last - loss.first + 1 if loss.first - 1 > run.first.before_epoch else 1
                counts[loss.cause] = counts.get(loss.cause, 0) + count
        return counts

    def watermark(self, utc_ns: int, grace_s: float = GRACE_S) -> tuple[int, Gaps]:
        """The number up to which all is here, but for the gaps (first, last) that are asked for again.

        A gap seen a little after `utc_ns` is as young as one seen before it: another process may have seen it
        since, or its clock be ahead.
        """
        mark = 0
        asked: list[tuple[int, int]] = []
        for run in self._runs:
            gap = _gap_below(run, mark)
            open_parts = self._lost.rest_of(gap) if gap else []
            if open_parts:
                room = MOST_GAPS - len(asked)
                if not room or abs(utc_ns - run.gap_since_ns) < grace_s * 1e9:
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

    @property
    def state(self) -> LedgerState:
        """What a store keeps of this, to go on from."""
        runs = [
            RunState(run.first.seq, run.first.previous, run.last.seq, run.last.hash, run.gap_since_ns)
            for run in self._runs
        ]
        return LedgerState(runs, self.breaks, self._lost.ranges)

    def _with_marks(self) -> list[tuple[_Run, int]]:
        """Every run, with the last number of the one below it."""
        return list(zip(self._runs, [0, *(run.last.seq for run in self._runs)], strict=False))

    def _missing_below(self, run: _Run, mark: int) -> int:
        gap = _gap_below(run, mark)
        parts = self._lost.rest_of(gap) if gap else []
        if parts and mark <= run.first.before_epoch:
            return 1
        return sum(last - first + 1 for first, last in parts)

    def _run_at_or_below(self, seq: int) -> _Run | None:
        at = bisect_right(self._runs, seq, key=lambda run: run.first.seq)
        return self._runs[at - 1] if at else None

    def _join(self, at: int, utc_ns: int) -> None:
        """Make one run of the runs `at` and `at + 1` when no number lies between them."""
        if at < 0 or at + 1 >= len(self._runs):
            return
        left, right = self._runs[at], self._runs[at + 1]
        if left.last.seq + 1 != right.first.seq:
            right.gap_since_ns = utc_ns
            return
        if right.first.previous != left.last.hash:
            self.breaks += 1
        left.last = right.last
        del self._runs[at + 1]


def _gap_below(run: _Run, mark: int) -> tuple[int, int] | None:
    """What is missing between `mark` and `run`; nothing below the start of a chain was ever given out."""
    first = max(mark, run.first.before_epoch) + 1
    if run.first.seq <= first or run.first.previous == CHAIN_START:
        return None
    return first, run.first.seq - 1
