"""Whether sealed reads are what a unit sent and none is missing between them; nothing is opened."""

from __future__ import annotations

from dataclasses import dataclass

from anpr_edge.central.dedupe import FeedLedger, Place
from anpr_edge.central.opener import verify
from anpr_edge.central.prints import Link
from anpr_edge.central.units import Units
from anpr_edge.errors import EnvelopeError
from anpr_edge.seal.envelope import envelope_hash


@dataclass(frozen=True, slots=True)
class Finding:
    """What `Audit.check` found; `name` and `hash` are None when the envelope is not genuine."""

    ok: bool
    words: str
    name: str | None = None
    hash: str | None = None


class Audit:
    """Checks sealed reads one after another, each against those before it, in any order."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._ledgers: dict[tuple[str, str, str], FeedLedger] = {}

    def check(self, blob: bytes) -> Finding:
        """Signature, and the chain to its neighbours where those were given."""
        try:
            envelope = verify(blob, self._units)
        except EnvelopeError as error:
            return Finding(False, f"{error.kind}: {error}")
        link = Link(envelope.seq, envelope.previous, envelope_hash(blob))
        ledger = self._ledgers.setdefault((envelope.fleet, envelope.unit, envelope.feed), FeedLedger())
        words = "signed by its unit"
        anew = ledger.begins_anew(link)
        place = ledger.place(link)
        if place is Place.NEW:
            holds = ledger.add(link, 0)
        else:
            holds = place is Place.REPEAT
            words += ", given twice" if holds else ""
        if anew:
            words += ", begins a new chain: the outbox before it was lost"
        if not holds:
            words += ", but the chain to its neighbours does not hold"
        return Finding(holds, words, envelope.name, link.hash.hex())
