"""A unit's real outbox and its centre, without a broker between: every number ends as here or as lost."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from anpr_edge.central.dedupe import MOST_GAPS, FeedKey
from anpr_edge.central.intake import Intake, Verdict
from anpr_edge.central.opener import Opener
from anpr_edge.central.units import Units
from anpr_edge.central.watermarks import Watermarks
from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.outbox.outbox import SMALLEST_BYTES, SqliteOutbox
from anpr_edge.records import Delivery, Loss, LossCause
from anpr_edge.seal import cbor
from anpr_edge.seal.acks import open_ack
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.seal.losses import LOSSES, MOST_LOSSES, decode_losses, encode_losses
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.uplink import topics
from tests.central_fakes import MemoryStore
from tests.fakes import FakeClock
from tests.sealed_reads import FEED, FLEET, made_up_read

UNIT = "unit-0001"
KEY = RecipientPrivateKey.generate()
ACK_KEY = SigningKey.generate()


class Both:
    """A unit with a small outbox, and its centre; `passes` says which reads the way between lets through."""

    def __init__(self, path: Path, max_bytes: int = SMALLEST_BYTES) -> None:
        self.clock = FakeClock()
        self._key = SigningKey.generate()
        self._sealer = CoseSealer(UnitIdentity(FLEET, UNIT, bytes(16)), self._key, {FEED: [KEY.public]})
        self._units = Units({UNIT: self._key.public})
        self._path, self._max_bytes = path, max_bytes
        self.store = MemoryStore()
        self.open()

    def open(self) -> None:
        """Start the unit, and the centre on what its store has."""
        day = {FEED: timedelta(days=1)}
        self.outbox = SqliteOutbox(
            self._path, self.clock, max_bytes=self._max_bytes, retention=day, boot_id=bytes(16)
        )
        self.intake = Intake(Opener(self._units, KEY), self.store, self.clock)
        self.watermarks = Watermarks(self.intake, ACK_KEY, self.clock)

    @property
    def key(self) -> FeedKey:
        return FeedKey(FLEET, UNIT, FEED, self._key.public.kid)

    def read(self, count: int = 1) -> list[int]:
        """Keep so many reads; their numbers."""
        seal = lambda seq, previous: self._sealer.seal(made_up_read(), FEED, seq, previous)  # noqa: E731
        return [read.seq for read in self.outbox.append([(FEED, seal)] * count)]

    def deliver(self, passes: Callable[[int], bool] = lambda seq: True) -> None:
        """Send what is due."""
        due = [entry.read for entry in self.outbox.due(10_000)]
        self.outbox.record([Delivery(FEED, read.seq, 0) for read in due])
        arrived = [(topics.reads(FLEET, UNIT, FEED), read.blob) for read in due if passes(read.seq)]
        for outcome in self.intake.take(arrived):
            assert outcome.verdict in {Verdict.NEW, Verdict.REPEAT, Verdict.LOSSES}, outcome
            self.watermarks.touch(self.key)

    def acknowledge(self) -> None:
        """Let the centre's watermark come down, and what it makes the unit report go up."""
        self.clock.advance(61)
        for ack in self.watermarks.due():
            told = open_ack(ack.payload, ACK_KEY.public)
            self.outbox.settle(FEED, told.watermark, told.gaps)
        self.outbox.report_losses(
            lambda feed, lost: lambda seq, previous: self._sealer.seal_losses(lost, feed, seq, previous)
        )

    def settle_all(self, turns: int = 12) -> None:
        """Exchange until nothing is owed."""
        for _ in range(turns):
            self.deliver()
            self.acknowledge()

    def arrived(self) -> set[int]:
        return {stored.link.seq for stored in self.store.reads}


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    made = Both(tmp_path / "outbox.db")
    yield made
    made.outbox.close()


def test_reads_that_a_full_outbox_dropped_are_lost_by_number_at_the_centre(both: Both) -> None:
    numbers = both.read(10)
    both.deliver()
    both.acknowledge()
    for _ in range(30):
        numbers += both.read(10)
    both.settle_all()
    ledger = both.intake.ledger(both.key)
    assert ledger.missing == 0
    assert ledger.lost == {LossCause.FULL: len(set(numbers) - both.arrived())}
    assert ledger.watermark(both.clock.now().utc_ns)[1] == ()
    assert both.outbox.stats()[FEED].bytes == 0


def test_any_number_of_gaps_that_can_never_be_filled_passes(tmp_path: Path) -> None:
    both = Both(tmp_path / "outbox.db", 10_000_000)
    numbers = both.read(5 * MOST_GAPS)
    both.deliver(lambda seq: seq % 2 == 0)
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as other:
        other.execute("DELETE FROM reads WHERE seq % 2 = 1 AND seq > ?", (numbers[0],))
        other.commit()
    both.settle_all(30)
    ledger = both.intake.ledger(both.key)
    assert (ledger.missing, both.outbox.stats()[FEED].bytes) == (0, 0)
    assert set(ledger.lost) == {LossCause.UNKNOWN}
    assert sum(ledger.lost.values()) == len(set(numbers) - both.arrived())
    both.outbox.close()


def test_a_damaged_outbox_costs_numbers_with_a_cause_and_nothing_else(tmp_path: Path) -> None:
    both = Both(tmp_path / "outbox.db", 10_000_000)
    numbers = both.read(50)
    both.deliver()
    both.acknowledge()
    numbers += [seq for _ in range(10) for seq in both.read(30)]
    both.outbox.close()
    chance = random.Random(11)
    with (tmp_path / "outbox.db").open("r+b") as file:
        for page in (9, 14, 20):
            file.seek(page * 4096)
            file.write(chance.randbytes(4096))
    both.open()
    assert both.outbox.rebuilds == 1
    numbers += both.read(5)
    both.settle_all()
    ledger = both.intake.ledger(both.key)
    gone = set(numbers) - both.arrived()
    assert 0 < len(gone) < 40
    assert (ledger.missing, ledger.breaks, ledger.restarts) == (0, 0, 1)
    assert len(both.arrived()) == len(both.store.reads)
    both.outbox.close()


def test_reads_that_were_never_sealed_are_a_gap_with_a_cause(both: Both) -> None:
    both.read(2)
    both.outbox.give_up({(FEED, LossCause.NO_OUTBOX): 7})
    both.read(2)
    both.settle_all()
    ledger = both.intake.ledger(both.key)
    assert (ledger.missing, ledger.lost, ledger.breaks) == (0, {LossCause.NO_OUTBOX: 7}, 0)


def test_a_centre_that_starts_again_still_knows_what_was_lost(both: Both) -> None:
    for _ in range(30):
        both.read(10)
    both.settle_all()
    lost = both.intake.ledger(both.key).lost
    assert sum(lost.values()) > 0
    both.outbox.close()
    both.open()
    assert (both.intake.ledger(both.key).missing, both.intake.ledger(both.key).lost) == (0, lost)


def test_a_loss_report_is_kept_as_it_came_and_is_no_read(both: Both) -> None:
    both.read(2)
    both.outbox.give_up({(FEED, LossCause.NO_OUTBOX): 7})
    both.settle_all()
    (kept,) = both.store.refusals
    assert kept.kind is Refusal.LOSS_REPORT
    assert len(both.store.reads) == 2
    opener = Opener(both._units, KEY)
    with pytest.raises(EnvelopeError, match=r"no read will come for the numbers \d+ to \d+ \(no-outbox\)"):
        opener.open(opener.verify(kept.blob))


def test_a_record_of_losses_is_read_as_it_was_written() -> None:
    losses = tuple(Loss(10 * at + 1, 10 * at + 3, cause) for at, cause in enumerate(LossCause))
    assert decode_losses(encode_losses(losses)) == losses
    assert decode_losses(b"\xa1\x01\x01") is None


@pytest.mark.parametrize(
    "losses",
    [
        (),
        (Loss(0, 1, LossCause.FULL),),
        (Loss(2, 1, LossCause.FULL),),
        (Loss(1, 2**63, LossCause.FULL),),
        tuple(Loss(at, at, LossCause.FULL) for at in range(1, MOST_LOSSES + 2)),
    ],
)
def test_a_report_out_of_its_limits_is_not_sealed(losses: tuple[Loss, ...]) -> None:
    with pytest.raises(SealError):
        encode_losses(losses)


@pytest.mark.parametrize(
    "record",
    [
        {LOSSES: []},
        {LOSSES: 1},
        {LOSSES: [[1, 2, 255]]},
        {LOSSES: [[1, True, 0]]},
        {LOSSES: [[1, 2]]},
        {1: 1, LOSSES: [[1, 2, 0]]},
    ],
)
def test_a_false_report_is_refused(record: dict[int | str, cbor.Value]) -> None:
    with pytest.raises(EnvelopeError) as refused:
        decode_losses(cbor.encode(record))
    assert refused.value.kind is Refusal.PAYLOAD
