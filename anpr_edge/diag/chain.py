"""Whether the reads that wait on a unit are its own, and follow one another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anpr_edge.errors import EnvelopeError
from anpr_edge.records import SealedRead
from anpr_edge.seal.envelope import envelope_hash, parse
from anpr_edge.seal.keys import VerifyKey


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was found of one feed's reads; `trouble` is the first thing wrong, or nothing.

    `gaps` counts numbers that are not here: delivered, or given up.
    """

    reads: int = 0
    gaps: int = 0
    trouble: str = ""


def examine_chain(reads: Iterable[SealedRead], fleet: str, unit: str, key: VerifyKey) -> ChainReport:
    """Check signature, address and place of each read, in the order of their numbers."""
    count = gaps = 0
    last: SealedRead | None = None
    for read in reads:
        count += 1
        try:
            envelope = parse(read.blob)
            envelope.verify(key)
            envelope.addressed(fleet, unit, read.feed)
        except EnvelopeError as error:
            return ChainReport(count, gaps, f"#{read.seq}: {error}")
        if envelope.seq != read.seq:
            return ChainReport(count, gaps, f"#{read.seq}: sealed as #{envelope.seq}")
        if last is not None and read.seq != last.seq + 1:
            gaps += 1
        elif last is not None and envelope.previous != envelope_hash(last.blob):
            return ChainReport(count, gaps, f"#{read.seq}: does not follow #{last.seq}")
        last = read
    return ChainReport(count, gaps)
