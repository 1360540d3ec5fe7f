"""Where the centre keeps what it opened. One contract suite runs over every store.

A store keeps two things together: the reads, and each feed's ledger (which numbers are here). Dedupe,
gaps and watermarks come from the store's ledgers alone, so that several processes may share one store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol, runtime_checkable

from anpr_edge.central.dedupe import FeedKey, FeedLedger
from anpr_edge.central.opener import OpenedRead
from anpr_edge.central.prints import Link
from anpr_edge.errors import Refusal
from anpr_edge.records import Loss
from anpr_edge.seal.envelope import Envelope


@dataclass(frozen=True, slots=True)
class StoredRead:
    """A read as it is kept; `link` is its place in its feed's chain."""

    opened: OpenedRead
    link: Link
    received_utc_ns: int

    @property
    def key(self) -> FeedKey:
        """Whose numbers it counts in."""
        return key_of(self.opened.envelope)


@dataclass(frozen=True, slots=True)
class StoredRefusal:
    """What came and could not be taken for a read: kept as it came, so that nothing is lost by a wrong key.

    With an `envelope` it is verified, is this feed's, and counts as here. `losses` is what a loss report
    said, for a store that makes its ledgers anew from what it holds.
    """

    kind: Refusal
    topic: str
    blob: bytes
    received_utc_ns: int
    envelope: Envelope | None = None
    link: Link | None = None
    losses: tuple[Loss, ...] = ()

    @property
    def key(self) -> FeedKey | None:
        """Whose numbers it counts in, if in anybody's."""
        return key_of(self.envelope) if self.envelope else None


Item = StoredRead | StoredRefusal


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction changes: the ledgers of the feeds it was asked for, and the items to keep."""

    ledgers: Mapping[FeedKey, FeedLedger]
    items: list[Item] = field(default_factory=list)


class Store(Protocol):
    """Keeps reads for good: when a batch has ended, a power cut loses nothing of it."""

    def batch(self, keys: Collection[FeedKey]) -> AbstractContextManager[Batch]:
        """A block in which the ledgers of `keys` are ours alone; other processes wait for theirs.

        When the block ends its ledgers and items are kept, all of them; when it raises, nothing is. Whether
        a read is here already its ledger tells: what is put into `items` is kept.

        Raises: StoreUnavailable when it should be tried again, StoreError when that would not help.
        """
        ...

    def ledgers(self, keys: Collection[FeedKey] | None = None) -> Mapping[FeedKey, FeedLedger]:
        """How the feeds stand now, to look at: those of `keys`, or all there are.

        Raises: StoreUnavailable, StoreError.
        """
        ...

    def close(self) -> None:
        """Let go of the store; harmless when called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Dropped:
    """What retention has removed."""

    reads: int
    refusals: int


class Readable(Protocol):
    """A store that can be read from, also while others write into it."""

    def documents(
        self, feed: str | None = None, since_utc_ns: int | None = None, until_utc_ns: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """The reads (objects of `central.documents`) first seen in [since, until), day of reception by day.

        Raises: StoreUnavailable, StoreError.
        """
        ...

    def close(self) -> None:
        """Let go of the store; harmless when called twice."""
        ...


@runtime_checkable
class Archive(Readable, Protocol):
    """A store that can be read from, and that forgets. (Kafka is none: its topics have a retention.)"""

    def forget_before(self, day: date) -> Dropped:
        """Remove what was received before this day (UTC); which numbers were here stays known.

        Raises: StoreUnavailable, StoreError.
        """
        ...


def key_of(envelope: Envelope) -> FeedKey:
    """Whose numbers an envelope counts in."""
    return FeedKey(envelope.fleet, envelope.unit, envelope.feed, envelope.signer_kid)
