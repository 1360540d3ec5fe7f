"""Where the centre keeps what it opened. One contract suite runs over every store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from anpr_edge.central.dedupe import Link
from anpr_edge.central.opener import OpenedRead
from anpr_edge.errors import Refusal
from anpr_edge.seal.envelope import Envelope


@dataclass(frozen=True, slots=True)
class StoredRead:
    """A read as it is kept; `link` is its place in its feed's chain."""

    opened: OpenedRead
    link: Link
    received_utc_ns: int


@dataclass(frozen=True, slots=True)
class StoredRefusal:
    """What came and could not be taken for a read: kept as it came, so that nothing is lost by a wrong key.

    With an `envelope` it is verified, is this feed's, and counts as here.
    """

    kind: Refusal
    topic: str
    blob: bytes
    received_utc_ns: int
    envelope: Envelope | None = None
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """One number a store holds, as it says when it is opened again; numbers count for each signing key."""

    fleet: str
    unit: str
    feed: str
    signer_kid: bytes
    link: Link


class Store(Protocol):
    """Keeps reads for good: when `keep` returns, a power cut loses nothing of them."""

    def held(self) -> Iterable[Held]:
        """Every number kept so far."""
        ...

    def keep(self, items: Sequence[StoredRead | StoredRefusal]) -> None:
        """Keep all of them. Raises: StoreError when that cannot be promised."""
        ...

    def close(self) -> None:
        """Let go of the store; harmless when called twice."""
        ...
