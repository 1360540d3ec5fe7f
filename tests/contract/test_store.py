"""What every Store promises, and every Archive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anpr_edge.central.dedupe import FeedKey, Place
from anpr_edge.central.intake import Intake, Verdict
from anpr_edge.central.opener import Opener
from anpr_edge.central.prints import Link
from anpr_edge.central.stores import Archive, Store
from anpr_edge.errors import StoreError
from anpr_edge.records import Loss, LossCause
from anpr_edge.seal.envelope import envelope_hash
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.contract.stores import BENCHES, Bench
from tests.fakes import EPOCH_NS, FakeClock
from tests.sealed_reads import FEED, FLEET, PLATE, SealingUnit

KEY = RecipientPrivateKey.generate()
KEEPERS = sorted(set(BENCHES) - {"memory"})
ARCHIVES = sorted(set(KEEPERS) - {"kafka"})
DAY_S = 24 * 3600
TODAY = datetime.fromtimestamp(EPOCH_NS / 1e9, UTC).date()


@pytest.fixture
def unit() -> SealingUnit:
    return SealingUnit(KEY.public)


@pytest.fixture(params=sorted(BENCHES))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Every store, the fake one too."""
    yield from BENCHES[request.param](request, tmp_path)


@pytest.fixture(params=KEEPERS)
def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Every store that outlives its process."""
    yield from BENCHES[request.param](request, tmp_path)


@pytest.fixture(params=ARCHIVES)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Every store that is an Archive."""
    yield from BENCHES[request.param](request, tmp_path)


def key_of(unit: SealingUnit) -> FeedKey:
    return FeedKey(FLEET, unit.unit, FEED, unit.key.kid)


def take(
    store: Store, unit: SealingUnit, blobs: list[bytes], clock: FakeClock | None = None
) -> list[Verdict]:
    intake = Intake(Opener(unit.units, KEY), store, clock or FakeClock())
    return [outcome.verdict for outcome in intake.take([(unit.topic, blob) for blob in blobs])]


def seqs(bench: Bench) -> list[int]:
    return sorted(document["seq"] for document in bench.kept())


def test_a_new_store_holds_nothing(bench: Bench) -> None:
    with closing(bench.open()) as store:
        assert dict(store.ledgers()) == {}


def test_of_a_feed_that_never_sent_nothing_is_here(bench: Bench, unit: SealingUnit) -> None:
    with closing(bench.open()) as store:
        assert store.ledgers([key_of(unit)])[key_of(unit)].watermark(0) == (0, ())
        assert dict(store.ledgers()) == {}


def test_what_is_taken_is_kept_and_counts(bench: Bench, unit: SealingUnit) -> None:
    with closing(bench.open()) as store:
        blobs = unit.seal(3)
        assert take(store, unit, blobs[:2]) == [Verdict.NEW] * 2
        assert take(store, unit, blobs[2:]) == [Verdict.NEW]
        assert list(store.ledgers()) == [key_of(unit)]
        assert store.ledgers([key_of(unit)])[key_of(unit)].watermark(0) == (3, ())
        assert seqs(bench) == [1, 2, 3]


def test_a_document_holds_the_read_and_its_proof(bench: Bench, unit: SealingUnit) -> None:
    with closing(bench.open()) as store:
        take(store, unit, unit.seal(2))
        first, second = sorted(bench.kept(), key=lambda one: int(one["seq"]))
    assert first["read"]["plate_text"] == PLATE
    assert (first["fleet"], first["unit"], first["feed"]) == (FLEET, unit.unit, FEED)
    assert second["previous"] == first["hash"]


def test_a_store_knows_what_it_has_when_it_is_opened_again(lasting: Bench, unit: SealingUnit) -> None:
    blobs = unit.seal(5)
    with closing(lasting.open()) as store:
        take(store, unit, [blobs[0], blobs[3]])
    with closing(lasting.open()) as store:
        ledger = store.ledgers()[key_of(unit)]
        assert (len(ledger), ledger.missing) == (2, 2)
        assert take(store, unit, blobs) == [
            Verdict.REPEAT,
            Verdict.NEW,
            Verdict.NEW,
            Verdict.REPEAT,
            Verdict.NEW,
        ]
        assert seqs(lasting) == [1, 2, 3, 4, 5]


def test_what_is_sent_again_the_next_day_is_not_kept_twice(lasting: Bench, unit: SealingUnit) -> None:
    clock = FakeClock()
    blobs = unit.seal(3)
    with closing(lasting.open()) as store:
        take(store, unit, blobs, clock)
    clock.advance(DAY_S)
    with closing(lasting.open()) as store:
        assert take(store, unit, blobs, clock) == [Verdict.REPEAT] * 3
        assert seqs(lasting) == [1, 2, 3]


def test_a_repeat_within_a_batch_is_known(bench: Bench, unit: SealingUnit) -> None:
    (blob,) = unit.seal()
    with closing(bench.open()) as store:
        assert take(store, unit, [blob, blob]) == [Verdict.NEW, Verdict.REPEAT]
        assert seqs(bench) == [1]


def test_a_number_used_twice_keeps_both_reads_and_knows_them(lasting: Bench, unit: SealingUnit) -> None:
    blobs = unit.seal(3)
    unit.restart_at(2)
    (other,) = unit.seal()
    with closing(lasting.open()) as store:
        take(store, unit, blobs)
        assert take(store, unit, [other, other]) == [Verdict.CONFLICT, Verdict.REPEAT]
    with closing(lasting.open()) as store:
        assert take(store, unit, [other, *blobs]) == [Verdict.REPEAT] * 4
        assert seqs(lasting) == [1, 2, 2, 3]


def test_a_chain_that_breaks_between_batches_is_seen(lasting: Bench, unit: SealingUnit) -> None:
    with closing(lasting.open()) as store:
        take(store, unit, unit.seal(2))
    unit.forget_chain()
    with closing(lasting.open()) as store:
        take(store, unit, unit.seal())
        assert store.ledgers()[key_of(unit)].breaks == 1
    with closing(lasting.open()) as store:
        assert store.ledgers()[key_of(unit)].breaks == 1


def test_a_genuine_envelope_that_cannot_be_opened_counts_as_here(lasting: Bench, unit: SealingUnit) -> None:
    with closing(lasting.open()) as store:
        intake = Intake(Opener(unit.units, RecipientPrivateKey.generate()), store, FakeClock())
        (blob,) = unit.seal()
        assert [one.verdict for one in intake.take([(unit.topic, blob)])] == [Verdict.REFUSED]
    with closing(lasting.open()) as store:
        assert store.ledgers()[key_of(unit)].watermark(0) == (1, ())
        assert take(store, unit, [blob]) == [Verdict.REPEAT]
        assert seqs(lasting) == []


def test_what_is_not_genuine_is_kept_and_counts_for_nothing(lasting: Bench, unit: SealingUnit) -> None:
    with closing(lasting.open()) as store:
        assert take(store, unit, [b"junk"]) == [Verdict.REFUSED]
        assert take(store, unit, [b"junk", unit.seal()[0]]) == [Verdict.REFUSED, Verdict.NEW]
        assert len(store.ledgers()[key_of(unit)]) == 1


def test_a_batch_that_fails_leaves_no_trace(bench: Bench, unit: SealingUnit) -> None:
    (blob,) = unit.seal()
    key = key_of(unit)
    with closing(bench.open()) as store:
        link = _link(unit, blob)
        with suppress(KeyboardInterrupt), store.batch([key]) as batch:
            batch.ledgers[key].add(link, 0)
            raise KeyboardInterrupt
        assert store.ledgers([key])[key].place(link) is Place.NEW
        assert take(store, unit, [blob]) == [Verdict.NEW]


def test_a_unit_that_was_set_up_anew_is_another(lasting: Bench, unit: SealingUnit) -> None:
    anew = SealingUnit(KEY.public)
    with closing(lasting.open()) as store:
        assert take(store, unit, unit.seal(2)) == [Verdict.NEW] * 2
        assert take(store, anew, anew.seal(2)) == [Verdict.NEW] * 2
        assert set(store.ledgers()) == {key_of(unit), key_of(anew)}


def test_a_closed_store_keeps_nothing(bench: Bench, unit: SealingUnit) -> None:
    store = bench.open()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        take(store, unit, unit.seal())


def test_what_a_unit_has_lost_is_known_when_the_store_is_opened_again(
    lasting: Bench, unit: SealingUnit
) -> None:
    blobs = unit.seal(2)
    unit.skip(7)
    blobs.append(unit.report(Loss(3, 9, LossCause.NO_OUTBOX)))
    with closing(lasting.open()) as store:
        assert take(store, unit, blobs) == [Verdict.NEW, Verdict.NEW, Verdict.LOSSES]
    for _ in range(2):
        with closing(lasting.open()) as store:
            ledger = store.ledgers()[key_of(unit)]
            assert (ledger.missing, ledger.lost) == (0, {LossCause.NO_OUTBOX: 7})
            assert ledger.watermark(0) == (10, ())
            assert take(store, unit, blobs) == [Verdict.REPEAT] * 3
            if isinstance(store, Archive):
                store.forget_before(TODAY + timedelta(days=1))
    assert seqs(lasting) in ([], [1, 2])


def test_an_archive_gives_the_reads_of_a_feed_and_time(archive: Bench, unit: SealingUnit) -> None:
    with closing(archive.open()) as store:
        take(store, unit, unit.seal(2))
        documents = _archive(store).documents
        assert [one["seq"] for one in documents()] == [1, 2]
        assert [one["seq"] for one in documents(FEED, EPOCH_NS, EPOCH_NS + 1_000_000)] == [1, 2]
        assert list(documents("parking")) == []
        assert list(documents(None, EPOCH_NS + 1_000_000)) == []
        assert list(documents(None, None, EPOCH_NS)) == []


def test_an_archive_forgets_days_and_still_knows_the_numbers(archive: Bench, unit: SealingUnit) -> None:
    clock = FakeClock()
    blobs = unit.seal(4)
    with closing(archive.open()) as store:
        take(store, unit, [*blobs[:2], b"junk"], clock)
        clock.advance(DAY_S)
        take(store, unit, blobs[2:], clock)
        dropped = _archive(store).forget_before(TODAY + timedelta(days=1))
        assert (dropped.reads, dropped.refusals) == (2, 1)
        assert seqs(archive) == [3, 4]
        assert take(store, unit, blobs, clock) == [Verdict.REPEAT] * 4
    with closing(archive.open()) as store:
        assert store.ledgers()[key_of(unit)].watermark(0) == (4, ())
        assert take(store, unit, [*blobs, *unit.seal()], clock) == [*[Verdict.REPEAT] * 4, Verdict.NEW]
        again = _archive(store).forget_before(TODAY + timedelta(days=1))
        assert (again.reads, again.refusals) == (0, 0)
        assert seqs(archive) == [3, 4, 5]
    with closing(archive.open()) as store:
        assert take(store, unit, blobs, clock) == [Verdict.REPEAT] * 4


def _archive(store: Store) -> Archive:
    assert isinstance(store, Archive)
    return store


def _link(unit: SealingUnit, blob: bytes) -> Link:
    envelope = Opener(unit.units, KEY).verify(blob)
    return Link(envelope.seq, envelope.previous, envelope_hash(blob))
