"""Ledgers in one process's memory: for a store that one process alone may hold, or for none at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from anpr_edge.central.dedupe import FeedKey, FeedLedger, Place
from anpr_edge.central.prints import Link, MemoryPrints, PendingPrints
from anpr_edge.central.stores import Batch, Item


class MemoryLedgers:
    """A store that keeps no reads, only which numbers it has seen, until its process ends."""

    def __init__(self) -> None:
        self._prints: dict[FeedKey, MemoryPrints] = {}
        self._ledgers: dict[FeedKey, FeedLedger] = {}

    @contextmanager
    def batch(self, keys: Collection[FeedKey]) -> Iterator[Batch]:
        """A block whose ledgers and items count when it ends."""
        pending = {key: PendingPrints(self._prints_of(key).of) for key in keys}
        batch = Batch({key: FeedLedger(pending[key], self._ledger(key).state) for key in keys})
        yield batch
        self._keep(batch.items)
        for key, ledger in batch.ledgers.items():
            for link in pending[key].links:
                self._prints_of(key).add(link)
            self._ledgers[key] = FeedLedger(self._prints_of(key), ledger.state)

    def ledgers(self, keys: Collection[FeedKey] | None = None) -> Mapping[FeedKey, FeedLedger]:
        """How the feeds stand now."""
        return {key: self._ledger(key) for key in (self._ledgers if keys is None else keys)}

    def close(self) -> None:
        """Nothing to let go of."""

    def _keep(self, items: Sequence[Item]) -> None:
        """Keep the items; nothing counts when it raises. Raises: StoreError."""

    def _count(self, key: FeedKey, link: Link, utc_ns: int) -> None:
        """A number that is kept already, when the store is opened."""
        ledger = self._ledgers.setdefault(key, self._ledger(key))
        if ledger.place(link) is Place.NEW:
            ledger.add(link, utc_ns)
        else:
            self._prints_of(key).add(link)

    def _prints_of(self, key: FeedKey) -> MemoryPrints:
        return self._prints.setdefault(key, MemoryPrints())

    def _ledger(self, key: FeedKey) -> FeedLedger:
        known = self._ledgers.get(key)
        return FeedLedger(self._prints_of(key)) if known is None else known
