"""What every Store promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anpr_edge.central.dedupe import Link
from anpr_edge.central.opener import Opener
from anpr_edge.central.stores import Held, Store, StoredRead, StoredRefusal
from anpr_edge.central.stores.jsonl import JsonlStore
from anpr_edge.errors import Refusal, StoreError
from anpr_edge.seal.envelope import envelope_hash
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.central_fakes import MemoryStore
from tests.fakes import EPOCH_NS
from tests.sealed_reads import FEED, FLEET, SealingUnit

KEY = RecipientPrivateKey.generate()


@pytest.fixture
def unit() -> SealingUnit:
    return SealingUnit(KEY.public)


@pytest.fixture(params=["jsonl", "memory"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the same store again each time."""
    if request.param == "jsonl":
        return lambda: JsonlStore(tmp_path / "reads.jsonl")
    memory = MemoryStore()
    return lambda: memory


def stored(unit: SealingUnit, blob: bytes) -> StoredRead:
    opener = Opener(unit.units, KEY)
    envelope = opener.verify(blob)
    link = Link(envelope.seq, envelope.previous, envelope_hash(blob))
    return StoredRead(opener.open(envelope), link, EPOCH_NS)


def held(store: Store) -> list[Held]:
    return sorted(store.held(), key=lambda one: one.link.seq)


def test_a_new_store_holds_nothing(open_store: Callable[[], Store]) -> None:
    assert held(open_store()) == []


def test_what_is_kept_is_held(open_store: Callable[[], Store], unit: SealingUnit) -> None:
    store = open_store()
    items = [stored(unit, blob) for blob in unit.seal(3)]
    store.keep(items[:2])
    store.keep(items[2:])
    assert held(store) == [Held(FLEET, unit.unit, FEED, unit.key.kid, item.link) for item in items]


def test_an_empty_batch_is_kept(open_store: Callable[[], Store]) -> None:
    store = open_store()
    store.keep([])
    assert held(store) == []


def test_a_genuine_envelope_that_cannot_be_opened_counts_as_held(
    open_store: Callable[[], Store], unit: SealingUnit
) -> None:
    store = open_store()
    (blob,) = unit.seal()
    item = stored(unit, blob)
    envelope = item.opened.envelope
    store.keep([StoredRefusal(Refusal.NOT_A_RECIPIENT, unit.topic, blob, EPOCH_NS, envelope, item.link)])
    assert held(store) == [Held(FLEET, unit.unit, FEED, unit.key.kid, item.link)]


def test_what_is_not_genuine_is_not_held(open_store: Callable[[], Store], unit: SealingUnit) -> None:
    store = open_store()
    store.keep([StoredRefusal(Refusal.SIGNATURE, unit.topic, b"junk", EPOCH_NS)])
    assert held(store) == []


def test_a_closed_store_keeps_nothing(open_store: Callable[[], Store], unit: SealingUnit) -> None:
    store = open_store()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.keep([stored(unit, blob) for blob in unit.seal()])
