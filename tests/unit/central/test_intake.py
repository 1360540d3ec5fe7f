"""What becomes of each message: taken, known already, or refused by name, and never a crash."""

from __future__ import annotations

import pytest

from anpr_edge.central.dedupe import FeedKey
from anpr_edge.central.intake import Intake, Outcome, Verdict
from anpr_edge.central.opener import OpenedRead, Opener
from anpr_edge.central.units import Units
from anpr_edge.errors import Refusal, StoreError
from anpr_edge.seal.envelope import Envelope
from anpr_edge.seal.keys import RecipientPrivateKey
from anpr_edge.uplink import topics
from tests.central_fakes import MemoryStore
from tests.fakes import FakeClock
from tests.sealed_reads import FEED, FLEET, PLATE, SealingUnit

KEY = RecipientPrivateKey.generate()


def key_of(unit: SealingUnit) -> FeedKey:
    return FeedKey(FLEET, unit.unit, FEED, unit.key.kid)


@pytest.fixture
def unit() -> SealingUnit:
    return SealingUnit(KEY.public)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def intake(unit: SealingUnit, store: MemoryStore) -> Intake:
    return Intake(Opener(unit.units, KEY), store, FakeClock())


def one(intake: Intake, topic: str, blob: bytes) -> Outcome:
    (outcome,) = intake.take([(topic, blob)])
    return outcome


def test_a_read_is_opened_and_stored(intake: Intake, store: MemoryStore, unit: SealingUnit) -> None:
    outcome = one(intake, unit.topic, unit.seal()[0])
    assert outcome.verdict is Verdict.NEW
    assert outcome.words == ""
    assert store.reads[0].opened.read.plate_text == PLATE
    assert intake.ledger(key_of(unit)).watermark(0) == (1, ())


def test_no_plate_shows_in_an_outcome(intake: Intake, unit: SealingUnit) -> None:
    assert PLATE not in repr(one(intake, unit.topic, unit.seal()[0]))


def test_a_repeat_is_not_stored_again(intake: Intake, store: MemoryStore, unit: SealingUnit) -> None:
    (blob,) = unit.seal()
    verdicts = [outcome.verdict for outcome in intake.take([(unit.topic, blob), (unit.topic, blob)])]
    assert verdicts == [Verdict.NEW, Verdict.REPEAT]
    assert len(store.items) == 1


def test_junk_is_refused_and_what_follows_is_taken(
    intake: Intake, store: MemoryStore, unit: SealingUnit
) -> None:
    outcomes = intake.take([(unit.topic, b""), (unit.topic, b"junk" * 13_000), (unit.topic, unit.seal()[0])])
    assert [outcome.kind for outcome in outcomes] == [Refusal.MALFORMED, Refusal.OVERSIZE, None]
    assert len(store.refusals) == 2
    assert len(store.reads) == 1


def test_a_unit_that_is_not_listed_is_refused(store: MemoryStore, unit: SealingUnit) -> None:
    intake = Intake(Opener(Units({}), KEY), store, FakeClock())
    assert one(intake, unit.topic, unit.seal()[0]).kind is Refusal.UNKNOWN_UNIT


def test_a_read_signed_by_another_key_is_refused(store: MemoryStore, unit: SealingUnit) -> None:
    other = SealingUnit(KEY.public)
    intake = Intake(Opener(other.units, KEY), store, FakeClock())
    assert one(intake, unit.topic, unit.seal()[0]).kind is Refusal.SIGNATURE


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        (topics.reads(FLEET, "unit-0002", FEED), Refusal.WRONG_UNIT),
        (topics.reads("otherfleet", "unit-0001", FEED), Refusal.WRONG_UNIT),
        (topics.reads(FLEET, "unit-0001", "police"), Refusal.WRONG_FEED),
        ("anpr/v1/somewhere", Refusal.WRONG_FEED),
    ],
)
def test_a_read_by_another_topic_is_refused(
    intake: Intake, unit: SealingUnit, topic: str, kind: Refusal
) -> None:
    outcome = one(intake, topic, unit.seal()[0])
    assert outcome.kind is kind
    assert intake.feeds == []


def test_a_read_for_another_recipient_is_kept_sealed_and_not_asked_for_again(
    store: MemoryStore, unit: SealingUnit
) -> None:
    intake = Intake(Opener(unit.units, RecipientPrivateKey.generate()), store, FakeClock())
    (blob,) = unit.seal()
    outcome = one(intake, unit.topic, blob)
    assert outcome.kind is Refusal.NOT_A_RECIPIENT
    assert store.refusals[0].blob == blob
    assert intake.ledger(key_of(unit)).watermark(0) == (1, ())


def test_a_break_in_the_chain_is_told_and_the_read_is_kept(
    intake: Intake, store: MemoryStore, unit: SealingUnit
) -> None:
    one(intake, unit.topic, unit.seal()[0])
    unit.forget_chain()
    outcome = one(intake, unit.topic, unit.seal()[0])
    assert outcome.verdict is Verdict.NEW
    assert "chain does not hold" in outcome.words
    assert len(store.reads) == 2


def test_a_number_used_twice_is_told_and_both_reads_are_kept(
    intake: Intake, store: MemoryStore, unit: SealingUnit
) -> None:
    one(intake, unit.topic, unit.seal()[0])
    unit.restart_at(1)
    outcome = one(intake, unit.topic, unit.seal()[0])
    assert outcome.verdict is Verdict.CONFLICT
    assert len(store.reads) == 2


def test_a_read_in_conflict_is_kept_once(intake: Intake, store: MemoryStore, unit: SealingUnit) -> None:
    intake.take([(unit.topic, blob) for blob in unit.seal(3)])
    unit.restart_at(2)
    message = (unit.topic, unit.seal()[0])
    verdicts = [outcome.verdict for outcome in intake.take([message, message])]
    again = Intake(Opener(unit.units, KEY), store, FakeClock())
    verdicts += [outcome.verdict for outcome in again.take([message])]
    assert verdicts == [Verdict.CONFLICT, Verdict.REPEAT, Verdict.REPEAT]
    assert len(store.reads) == 4


def test_a_unit_that_was_set_up_anew_counts_from_one_again(store: MemoryStore) -> None:
    old, new = SealingUnit(KEY.public), SealingUnit(KEY.public)
    Intake(Opener(old.units, KEY), store, FakeClock()).take([(old.topic, blob) for blob in old.seal(300)])
    intake = Intake(Opener(new.units, KEY), store, FakeClock())
    outcomes = intake.take([(new.topic, blob) for blob in new.seal(300)])
    assert {outcome.verdict for outcome in outcomes} == {Verdict.NEW}
    assert len(store.reads) == 600
    assert [intake.ledger(key_of(unit)).watermark(0) for unit in (old, new)] == [(300, ()), (300, ())]
    assert intake.current == [key_of(new)]
    again = Intake(Opener(new.units, KEY), store, FakeClock())
    assert again.feeds == [key_of(old), key_of(new)]


def test_a_lost_outbox_is_told_and_is_no_gap(intake: Intake, store: MemoryStore, unit: SealingUnit) -> None:
    assert one(intake, unit.topic, unit.seal()[0]).words == ""
    unit.restart_at(1_000_001)
    first, second = unit.seal(2)
    outcome = one(intake, unit.topic, first)
    assert (outcome.verdict, len(store.reads)) == (Verdict.NEW, 2)
    assert "begins a new chain" in outcome.words
    assert one(intake, unit.topic, second).words == ""
    ledger = intake.ledger(key_of(unit))
    assert (ledger.missing, ledger.restarts, ledger.breaks) == (0, 1, 0)


def test_a_new_intake_goes_on_from_the_store(intake: Intake, store: MemoryStore, unit: SealingUnit) -> None:
    blobs = unit.seal(3)
    intake.take([(unit.topic, blob) for blob in blobs[:2]])
    again = Intake(Opener(unit.units, KEY), store, FakeClock())
    verdicts = [outcome.verdict for outcome in again.take([(unit.topic, blob) for blob in blobs])]
    assert verdicts == [Verdict.REPEAT, Verdict.REPEAT, Verdict.NEW]


def test_a_store_that_cannot_keep_is_not_hidden(
    intake: Intake, store: MemoryStore, unit: SealingUnit
) -> None:
    store.full = True
    with pytest.raises(StoreError):
        one(intake, unit.topic, unit.seal()[0])


class StumblingOpener(Opener):
    """Meets a read that nobody thought of."""

    def open(self, envelope: Envelope) -> OpenedRead:
        raise RuntimeError


def test_after_an_unforeseen_error_nothing_is_vouched_for(store: MemoryStore, unit: SealingUnit) -> None:
    intake = Intake(StumblingOpener(unit.units, KEY), store, FakeClock())
    with pytest.raises(RuntimeError):
        one(intake, unit.topic, unit.seal()[0])
    assert not intake.sound


def test_two_units_and_their_numbers_are_kept_apart(store: MemoryStore) -> None:
    units = [SealingUnit(KEY.public, unit=name) for name in ("unit-0001", "unit-0002")]
    listed = Units({unit.unit: unit.key.public for unit in units})
    intake = Intake(Opener(listed, KEY), store, FakeClock())
    outcomes = intake.take([(unit.topic, unit.seal()[0]) for unit in units])
    assert [outcome.verdict for outcome in outcomes] == [Verdict.NEW, Verdict.NEW]
    assert sorted(key.unit for key in intake.feeds) == ["unit-0001", "unit-0002"]
