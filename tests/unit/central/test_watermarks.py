"""Units are told soon, not for every read, and again when the broker may have forgotten it."""

from __future__ import annotations

import pytest

from anpr_edge.central.dedupe import GRACE_S, FeedKey
from anpr_edge.central.intake import Intake, Verdict
from anpr_edge.central.opener import Opener
from anpr_edge.central.watermarks import ASK_AGAIN_S, EVERY_S, Watermarks
from anpr_edge.errors import StoreError, StoreUnavailable
from anpr_edge.seal.acks import Ack, open_ack
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from tests.central_fakes import MemoryStore
from tests.fakes import FakeClock
from tests.sealed_reads import FEED, FLEET, SealingUnit

KEY = RecipientPrivateKey.generate()
SIGNER = SigningKey.generate()


class Bench:
    """One unit, one centre, a clock that stands still, and what the unit is told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.unit = SealingUnit(KEY.public)
        self.store = MemoryStore()
        self.intake = Intake(Opener(self.unit.units, KEY), self.store, self.clock)
        self.watermarks = Watermarks(self.intake, SIGNER, self.clock)
        self.key = FeedKey(FLEET, self.unit.unit, FEED, self.unit.key.kid)

    def arrive(self, *blobs: bytes) -> None:
        self.intake.take([(self.unit.topic, blob) for blob in blobs])
        self.watermarks.touch(self.key)

    def told(self) -> list[Ack]:
        return [open_ack(ack.payload, SIGNER.public) for ack in self.watermarks.due()]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_arrived_is_acknowledged_once(bench: Bench) -> None:
    bench.arrive(*bench.unit.seal(3))
    (ack,) = bench.told()
    assert (ack.fleet, ack.unit, ack.feed, ack.unit_kid) == bench.key
    assert (ack.watermark, ack.gaps) == (3, ())
    bench.clock.advance(10 * ASK_AGAIN_S)
    assert bench.told() == []


def test_a_unit_that_repeats_itself_is_told_again_but_not_for_every_repeat(bench: Bench) -> None:
    bench.arrive(*bench.unit.seal(3))
    assert len(bench.told()) == 1
    bench.watermarks.touch(bench.key, lost=True)
    assert bench.told() == []
    bench.clock.advance(EVERY_S)
    (ack,) = bench.told()
    assert ack.watermark == 3
    bench.clock.advance(EVERY_S)
    assert bench.told() == []


def test_it_goes_to_the_units_own_topic(bench: Bench) -> None:
    bench.arrive(*bench.unit.seal())
    assert [ack.topic for ack in bench.watermarks.due()] == ["anpr/v1/testfleet/unit-0001/ack/access"]


def test_reads_in_quick_succession_share_one_watermark(bench: Bench) -> None:
    bench.arrive(*bench.unit.seal())
    assert [ack.watermark for ack in bench.told()] == [1]
    for _ in range(5):
        bench.arrive(*bench.unit.seal())
        assert bench.told() == []
    bench.clock.advance(EVERY_S)
    assert [ack.watermark for ack in bench.told()] == [6]


def test_a_gap_is_asked_for_after_its_grace_and_again_while_it_stays(bench: Bench) -> None:
    first, lost, third = bench.unit.seal(3)
    bench.arrive(first, third)
    assert [ack.watermark for ack in bench.told()] == [1]
    bench.clock.advance(GRACE_S)
    assert [(ack.watermark, ack.gaps) for ack in bench.told()] == [(3, ((2, 2),))]
    bench.clock.advance(EVERY_S)
    assert bench.told() == []
    bench.clock.advance(ASK_AGAIN_S)
    assert [(ack.watermark, ack.gaps) for ack in bench.told()] == [(3, ((2, 2),))]
    bench.arrive(lost)
    assert [(ack.watermark, ack.gaps) for ack in bench.told()] == []
    bench.clock.advance(EVERY_S)
    assert [(ack.watermark, ack.gaps) for ack in bench.told()] == [(3, ())]


def test_a_watermark_the_broker_may_have_lost_is_told_again(bench: Bench) -> None:
    bench.arrive(*bench.unit.seal())
    assert len(bench.told()) == 1
    bench.watermarks.forget(bench.key)
    bench.clock.advance(EVERY_S)
    assert [ack.watermark for ack in bench.told()] == [1]


def test_a_new_centre_repeats_what_its_store_says(bench: Bench) -> None:
    bench.arrive(*bench.unit.seal(4))
    intake = Intake(Opener(bench.unit.units, KEY), bench.store, bench.clock)
    again = Watermarks(intake, SIGNER, bench.clock)
    assert [open_ack(ack.payload, SIGNER.public).watermark for ack in again.due()] == [4]


def test_a_unit_set_up_anew_is_told_nothing_of_the_numbers_before(bench: Bench) -> None:
    bench.arrive(*bench.unit.seal(600))
    assert [ack.watermark for ack in bench.told()] == [600]
    anew = SealingUnit(KEY.public)
    intake = Intake(Opener(anew.units, KEY), bench.store, bench.clock)
    watermarks = Watermarks(intake, SIGNER, bench.clock)
    assert list(watermarks.due()) == []
    (outcome,) = intake.take([(anew.topic, anew.seal()[0])])
    assert outcome.verdict is Verdict.NEW
    assert outcome.key is not None
    watermarks.touch(outcome.key)
    (ack,) = (open_ack(ack.payload, SIGNER.public) for ack in watermarks.due())
    assert (ack.watermark, ack.gaps, ack.unit_kid) == (1, (), anew.key.kid)


def test_nothing_is_acknowledged_after_the_store_has_failed(bench: Bench) -> None:
    bench.arrive(*bench.unit.seal(2))
    assert len(bench.told()) == 1
    bench.store.full = True
    with pytest.raises(StoreError):
        bench.arrive(*bench.unit.seal())
    bench.watermarks.forget(bench.key)
    bench.clock.advance(ASK_AGAIN_S)
    assert bench.told() == []


def test_the_last_word_is_right_when_two_processes_tell_one_unit(bench: Bench) -> None:
    """Ours, of an earlier state, may reach the broker after the other's: we look again once it is there."""
    first, second = bench.unit.seal(2)
    bench.arrive(first)
    assert [ack.watermark for ack in bench.told()] == [1]
    other = Intake(Opener(bench.unit.units, KEY), bench.store, bench.clock)
    other.take([(bench.unit.topic, second)])
    bench.clock.advance(EVERY_S)
    assert bench.told() == []
    bench.watermarks.heard(bench.key)
    assert [ack.watermark for ack in bench.told()] == [2]
    bench.watermarks.heard(bench.key)
    bench.clock.advance(EVERY_S)
    assert bench.told() == []


def test_nothing_is_acknowledged_while_the_store_is_away_and_all_is_when_it_is_back(bench: Bench) -> None:
    first, second = bench.unit.seal(2)
    bench.arrive(first)
    assert len(bench.told()) == 1
    bench.store.away = True
    with pytest.raises(StoreUnavailable):
        bench.arrive(second)
    bench.watermarks.forget(bench.key)
    bench.clock.advance(EVERY_S)
    assert bench.told() == []
    bench.store.away = False
    bench.arrive(second)
    assert [ack.watermark for ack in bench.told()] == [2]
