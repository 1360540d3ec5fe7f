"""A store without a disk, held to the same contract as the real ones."""

from __future__ import annotations

from collections.abc import Sequence

from anpr_edge.central.stores import Item, StoredRead, StoredRefusal
from anpr_edge.central.stores.memory import MemoryLedgers
from anpr_edge.errors import StoreError, StoreUnavailable


class MemoryStore(MemoryLedgers):
    """Keeps in a list; `full` makes it refuse, as a full disk does, and `away` as a server that is down."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Item] = []
        self.full = False
        self.away = False
        self._closed = False

    @property
    def reads(self) -> list[StoredRead]:
        return [item for item in self.items if isinstance(item, StoredRead)]

    @property
    def refusals(self) -> list[StoredRefusal]:
        return [item for item in self.items if isinstance(item, StoredRefusal)]

    def _keep(self, items: Sequence[Item]) -> None:
        if self.away:
            raise StoreUnavailable("the store is away")
        if self.full or self._closed:
            raise StoreError("the store is full" if self.full else "the store is closed")
        self.items += items

    def close(self) -> None:
        self._closed = True
