"""Which numbers a store has, for whoever watches a fleet: nothing is changed, and no read is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from anpr_edge.central.dedupe import FeedKey, FeedLedger
from anpr_edge.central.stores import Store
from anpr_edge.central.stores.jsonl_follow import JsonlFollower
from anpr_edge.central.stores.places import SHARED, open_store
from anpr_edge.errors import StoreError, StoreUnavailable, UsageError

EVERY_NS: Final = 10 * 10**9
"""How often a shared store is asked: each time it reads every feed's ledger."""


class Look(Protocol):
    """The ledgers of a store, as far as it has been read; `look` reads on."""

    @property
    def ledgers(self) -> Mapping[FeedKey, FeedLedger]: ...

    @property
    def is_whole(self) -> bool:
        """Whether everything that is there has been read."""
        ...

    def look(self, utc_ns: int) -> None:
        """Read what has come since. Raises: StoreError."""
        ...


class SharedLook:
    """Looks at a store that several processes share. While it is away, nothing is known of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._due_ns = 0
        self.ledgers: Mapping[FeedKey, FeedLedger] = {}
        self.is_whole = False

    def look(self, utc_ns: int) -> None:
        """Ask again when it is time. Raises: StoreError when asking later would not help."""
        if 0 <= self._due_ns - utc_ns <= EVERY_NS:
            return
        self._due_ns = utc_ns + EVERY_NS
        try:
            self.ledgers, self.is_whole = self._store.ledgers(), True
        except StoreUnavailable:
            self.is_whole = False


def open_look(place: str) -> Look:
    """A look at the store that `place` names, as `anpr-central subscribe --store` takes it; never begun anew.

    Raises: UsageError for Kafka, whose ledger is a SQLite store of its own; StoreError when there is no such
    store, StoreUnavailable when it is away.
    """
    if place.startswith("kafka:"):
        raise UsageError(f"{place!r}: Kafka keeps no ledger", hint="name the ledger: sqlite:FILE")
    if not place.startswith(SHARED):
        return JsonlFollower(Path(place.removeprefix("jsonl:")))
    if place.startswith("sqlite:") and not Path(place.removeprefix("sqlite:")).exists():
        raise StoreError(f"{place}: no such store", hint="name the one that anpr-central subscribe writes")
    return SharedLook(open_store(place))
