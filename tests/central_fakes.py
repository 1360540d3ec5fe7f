"""A store without a disk, held to the same contract as the real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from anpr_edge.central.stores import Held, StoredRead, StoredRefusal
from anpr_edge.errors import StoreError


class MemoryStore:
    """Keeps in a list; `full` makes it refuse, as a full disk does."""

    def __init__(self) -> None:
        self.items: list[StoredRead | StoredRefusal] = []
        self.full = False
        self._closed = False

    @property
    def reads(self) -> list[StoredRead]:
        return [item for item in self.items if isinstance(item, StoredRead)]

    @property
    def refusals(self) -> list[StoredRefusal]:
        return [item for item in self.items if isinstance(item, StoredRefusal)]

    def held(self) -> Iterator[Held]:
        for item in self.items:
            envelope = item.opened.envelope if isinstance(item, StoredRead) else item.envelope
            if envelope is not None and item.link is not None:
                yield Held(envelope.fleet, envelope.unit, envelope.feed, envelope.signer_kid, item.link)

    def keep(self, items: Sequence[StoredRead | StoredRefusal]) -> None:
        if self.full or self._closed:
            raise StoreError("the store is full" if self.full else "the store is closed")
        self.items += items

    def close(self) -> None:
        self._closed = True
