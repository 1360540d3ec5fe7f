"""Which reads stand under which number: tells a repeat from another read under a used number."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from anpr_edge.records import EPOCH_NUMBERS

PRINT_BYTES = 8
"""What is remembered of each read's hash, where memory has to hold all of them."""

CHUNK = 1024
"""Numbers remembered together: eight bytes each, whether the number is here or not."""


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


class Prints(Protocol):
    """The beginnings of the hashes of one feed's reads, by number."""

    def of(self, seq: int) -> Collection[bytes]:
        """Those under this number; empty when nothing is known of it (any more)."""
        ...

    def add(self, link: Link) -> None:
        """Count this read as here, perhaps beside another one under the same number."""
        ...


def print_of(link_hash: bytes) -> bytes:
    """What is remembered of a hash."""
    return link_hash[:PRINT_BYTES]


class MemoryPrints:
    """Remembers in eight bytes a number."""

    def __init__(self) -> None:
        self._chunks: dict[int, array[int]] = {}
        self._others: dict[int, set[bytes]] = {}

    def of(self, seq: int) -> Collection[bytes]:
        """Those under this number."""
        chunk = self._chunks.get(seq // CHUNK)
        first = chunk[seq % CHUNK] if chunk else 0
        return {first.to_bytes(PRINT_BYTES), *self._others.get(seq, ())} if first else ()

    def add(self, link: Link) -> None:
        """Remember this read."""
        known, print_ = self.of(link.seq), print_of(link.hash)
        if not known:
            chunk = self._chunks.setdefault(link.seq // CHUNK, array("Q", bytes(PRINT_BYTES * CHUNK)))
            chunk[link.seq % CHUNK] = int.from_bytes(print_)
        elif print_ not in known:
            self._others.setdefault(link.seq, set()).add(print_)


class PendingPrints:
    """What a batch adds on top of what is `kept` under a number, until the batch is kept itself."""

    def __init__(self, kept: Callable[[int], Collection[bytes]]) -> None:
        self._kept = kept
        self._added: dict[int, set[bytes]] = {}
        self.links: list[Link] = []

    def of(self, seq: int) -> Collection[bytes]:
        """Those under this number."""
        return {*self._kept(seq), *self._added.get(seq, ())}

    def add(self, link: Link) -> None:
        """Remember this read for this batch."""
        self._added.setdefault(link.seq, set()).add(print_of(link.hash))
        self.links.append(link)
