"""The invariant, looked at from the centre: every committed read is there once, in a chain, or reported lost.

The truth is the writer's ledger. What the centre says of itself counts for nothing here, but for its
reports of losses: those must be numbered, and name a cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cbor2

from anpr_edge.records import EPOCH_NUMBERS
from tests.faults.books import Stored
from tests.faults.ledger import Ledger, Number

START = "0" * 64
"""What a chain's first read names as the hash before it."""

CAUSES = {
    0: "unknown",
    1: "full",
    2: "full-sent",
    3: "expired",
    4: "expired-sent",
    5: "disk-full",
    6: "broken",
    7: "no-outbox",
    8: "unsealable",
}

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """Numbers of which the unit has told its centre that it will send no more; some may be there already."""

    feed: str
    first: int
    last: int
    cause: str


def reported(feed: str, record: bytes) -> list[Loss]:
    """The losses in an opened report: a CBOR map from 16 to lists of first, last and cause."""
    found = cbor2.loads(record)[16]
    return [Loss(feed, first, last, CAUSES.get(code, "")) for first, last, code in found]


def missing(ledger: Ledger, stored: Stored, losses: Sequence[Loss] = ()) -> list[Number]:
    """Committed numbers that are not at the centre, with all that was kept under them, nor reported lost."""
    return [n for n in ledger.kept if not is_here(n, ledger, stored) and not is_lost(n, losses)]


def lost(ledger: Ledger, stored: Stored, losses: Sequence[Loss]) -> Counter[str]:
    """How many committed reads are not at the centre and reported lost, by cause."""
    absent = [number for number in ledger.kept if number not in stored.rows]
    causes = (next((loss.cause for loss in losses if is_lost(number, [loss])), "") for number in absent)
    return Counter(cause for cause in causes if cause)


def faults_in(ledger: Ledger, stored: Stored, losses: Sequence[Loss] = ()) -> list[str]:
    """Every way in which the invariant does not hold, in words; none when it holds."""
    found = []
    if absent := missing(ledger, stored, losses):
        found.append(f"{len(absent)} committed and neither here nor reported: {_some(absent)}")
    if twice := [number for number, rows in stored.rows.items() if len({r.hash for r in rows}) < len(rows)]:
        found.append(f"{len(twice)} stored more than once: {_some(twice)}")
    if other := [number for number in stored.rows if not _is_true(number, ledger, stored)]:
        found.append(f"{len(other)} not as the unit sealed them: {_some(other)}")
    if nameless := [loss for loss in losses if not loss.cause]:
        found.append(f"{len(nameless)} losses without a cause")
    return found + _chain_faults(stored, losses)


def _is_true(number: Number, ledger: Ledger, stored: Stored) -> bool:
    """Whether what is stored was sealed under this number, plate and all, and the kept one is among it."""
    rows, sealed = stored.rows[number], ledger.sealed.get(number, {})
    kept = ledger.kept.get(number)
    return all(sealed.get(row.hash) == row.plate for row in rows) and (
        kept is None or kept in {row.hash for row in rows}
    )


def _chain_faults(stored: Stored, losses: Sequence[Loss]) -> list[str]:
    """Where a read does not follow the one before it, and no loss or new epoch explains it."""
    found = []
    before: Number | None = None
    for number in sorted(stored.rows):
        if before is None or before[0] != number[0]:
            before = None
        if not _follows(before, number, stored, losses):
            found.append(f"{_some([number])} does not follow {_some([before] if before else [])}")
        before = number
    return found[:SHOWN]


def _follows(before: Number | None, number: Number, stored: Stored, losses: Sequence[Loss]) -> bool:
    feed, seq = number
    named = {row.previous for row in stored.rows[number]}
    if before is None or seq // EPOCH_NUMBERS > before[1] // EPOCH_NUMBERS:
        return START in named or is_lost((feed, seq - 1), losses)
    if seq == before[1] + 1:
        return bool(named & {row.hash for row in stored.rows[before]})
    return all(is_lost((feed, each), losses) for each in (before[1] + 1, seq - 1))


def is_here(number: Number, ledger: Ledger, stored: Stored) -> bool:
    """Whether the centre has every envelope that was kept under a number."""
    return ledger.envelopes(number) <= {row.hash for row in stored.rows.get(number, [])}


def is_lost(number: Number, losses: Iterable[Loss]) -> bool:
    """Whether a number is among the reported losses."""
    feed, seq = number
    return any(loss.feed == feed and loss.first <= seq <= loss.last for loss in losses)


def _some(numbers: Sequence[Number]) -> str:
    """The first few of them, with where they lie in the whole."""
    shown = [f"{feed}#{seq}" for feed, seq in numbers[:SHOWN]]
    return ", ".join(shown) + (", …" if len(numbers) > SHOWN else "")
